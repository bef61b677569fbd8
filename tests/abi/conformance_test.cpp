// SPDX-License-Identifier: Apache-2.0
// The suites of stores and logs, over tables of C callbacks: the supplied stores behind one, and the store of example
// 04.
#include <openexec/contract/store_suite.hpp>
#include <openexec/ledger.hpp>

#include "conformance/log_suite.hpp"
#include "foreign.hpp"
#include "handles.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "support/split_store.hpp"
#include "table_of.hpp"

extern "C" openexec_code set_example_store(openexec_config* config);

using namespace openexec;
using namespace openexec::test;

namespace {

void check_passes(const Failures& failures) {
  for (const std::string& failure : failures) UNSCOPED_INFO(failure);
  CHECK(failures.empty());
}

/// A C++ store, behind a table of C callbacks, behind the part that wears it.
std::shared_ptr<NonceStore> behind_a_table(std::shared_ptr<NonceStore> inner) {
  auto host = std::make_unique<c::Store>(std::move(inner));
  openexec_store_table table = host->table();
  table.close = [](void* self) { delete static_cast<c::Store*>(self); };
  auto part = std::make_shared<capi::ForeignStore>(&table);
  part->own();
  (void)host.release();
  return part;
}

std::shared_ptr<ReceiptLog> log_behind_a_table(std::shared_ptr<ReceiptLog> inner) {
  auto host = std::make_unique<std::shared_ptr<ReceiptLog>>(std::move(inner));
  openexec_log_table table = c::log_table();
  table.self = host.get();
  table.close = [](void* self) { delete static_cast<std::shared_ptr<ReceiptLog>*>(self); };
  auto part = std::make_shared<capi::ForeignLog>(&table);
  part->own();
  (void)host.release();
  return part;
}

std::shared_ptr<NonceStore> example_store() {
  c::Config config;
  if (openexec_config_create(config.out(), nullptr) != OPENEXEC_OK || set_example_store(config) != OPENEXEC_OK)
    throw std::runtime_error("the example's store");
  const openexec_config* made = config;
  return std::get<std::shared_ptr<NonceStore>>(made->store);
}

class SqliteFiles {
 public:
  std::shared_ptr<Ledger> create() {
    ++number_;
    return reopen();
  }
  std::shared_ptr<Ledger> reopen() {
    return must(sqlite_ledger(folder_.file("ledger-" + std::to_string(number_) + ".db")), "open");
  }

 private:
  TemporaryFolder folder_;
  int number_ = 0;
};

}  // namespace

TEST_CASE("The ledger in memory keeps the store's contract behind a table of C callbacks") {
  check_passes(run_store_suite({[] { return behind_a_table(memory_ledger()); }, nullptr, 64, 50}));
}

TEST_CASE("The SQLite ledger keeps the store's contract behind a table of C callbacks") {
  SqliteFiles files;
  check_passes(run_store_suite(
      {[&] { return behind_a_table(files.create()); }, [&] { return behind_a_table(files.reopen()); }, 64, 10}));
}

TEST_CASE("A store apart from its log keeps the contract behind a table of C callbacks, and its outbox") {
  auto store = std::make_shared<SplitStore>();
  check_passes(run_store_suite({[&] { return behind_a_table(store = std::make_shared<SplitStore>()); },
                                [&] {
                                  store->restart();
                                  return behind_a_table(store);
                                },
                                64, 20}));
}

TEST_CASE("The store of the example keeps the store's contract") {
  check_passes(run_store_suite({example_store, nullptr, 64, 20}));
}

TEST_CASE("Logs keep the log's contract behind a table of C callbacks") {
  check_passes(run_log_suite({[] { return log_behind_a_table(memory_ledger()); }, nullptr}));
  SqliteFiles files;
  check_passes(run_log_suite(
      {[&] { return log_behind_a_table(files.create()); }, [&] { return log_behind_a_table(files.reopen()); }}));
}

TEST_CASE("The log of the example's store keeps the log's contract") {
  check_passes(run_log_suite({[] {
                                const auto store = example_store();
                                return std::shared_ptr<ReceiptLog>(store, store->log());
                              },
                              nullptr}));
}
