// SPDX-License-Identifier: Apache-2.0
// openexec demo: one payment, proposed in seven ways. A scratch folder has the ledger, and a real signature approves.
#include "executor_commands/executor_commands.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <openexec/openexec.hpp>

#include "canon/json_object.hpp"
#include "commands/terminal.hpp"
#include "crypto/ed25519.hpp"
#include "signing/clawshield.hpp"

namespace openexec::terminal {
namespace {

namespace fs = std::filesystem;

constexpr auto tenant = "demo";
constexpr auto payment = R"({"to":"ada","amount":25})";

/// A folder that is removed with this object.
class Scratch {
 public:
  Scratch() : path_((fs::temp_directory_path() / "openexec-demo-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr)
      throw Stop(cannot, "no folder can be made in " + fs::temp_directory_path().string());
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

struct Step {
  std::string name, tried, answer, why;
  std::size_t entered = 0;  ///< how often the handler was entered in total
  std::string receipt;
  bool as_expected = false;
};

class Demo {
 public:
  std::vector<Step> run() {
    open();
    approved();
    replayed();
    altered();
    spent();
    unapproved();
    killed();
    forged();
    return std::move(steps_);
  }

 private:
  /// The handler writes one byte for each time that it is entered, into a file that outlives the process.
  [[nodiscard]] HandlerTable handlers(bool dies) const {
    HandlerTable table;
    const Status added = table.add("pay", [dies, path = scratch_.file("entered")](const Invocation&) {
      const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
      if (fd < 0 || ::write(fd, "x", 1) != 1)
        return HandlerResult::failed("the counter cannot be written", Effect::unknown);
      ::close(fd);
      if (dies) ::raise(SIGKILL);
      return HandlerResult::result(R"({"paid":true})");
    });
    if (!added.ok()) throw Stop(cannot, "the handler: " + shown(added.detail()));
    return table;
  }

  [[nodiscard]] std::unique_ptr<Executor> executor(bool dies) const {
    ClawshieldOptions trust;
    trust.public_key_pem = key_.public_key().to_pem();
    trust.tenant_id = tenant;
    Parts parts;
    parts.verifier = or_cannot(clawshield_v1(trust), "the public key");
    parts.store = or_cannot(sqlite_ledger(scratch_.file("ledger.db")), "the ledger");
    Config config;
    config.tenant = tenant;
    return std::make_unique<Executor>(
        or_cannot(Executor::assemble(config, std::move(parts), handlers(dies)), "the executor"));
  }

  void open() { executor_ = executor(false); }

  [[nodiscard]] std::string sign(const std::string& payload) const {
    // it signs no nonce
    const Request request{.action = "pay", .payload = payload, .nonce = "any", .approval_artifact = {}};
    const Proposal proposal = or_cannot(Proposal::parse(request, tenant), "the request");
    const std::string id = signing::uuid_v4();
    const Timestamp now = system_clock()->now();
    return or_cannot(signing::sign_clawshield_v1(key_, proposal, {tenant, id, now, {now.micros + 60'000'000}}),
                     "the signature");
  }

  [[nodiscard]] std::size_t entered() const {
    std::error_code none;
    const auto size = fs::file_size(scratch_.file("entered"), none);
    return none ? 0 : static_cast<std::size_t>(size);
  }

  Outcome ask(const std::string& payload, const char* nonce, const std::string& approval) {
    return executor_->execute({.action = "pay", .payload = payload, .nonce = nonce, .approval_artifact = approval});
  }

  void note(const char* name, const char* tried, const Outcome& outcome, const char* why, bool as_expected) {
    std::string answer(outcome.replayed ? "replayed" : openexec::name(outcome.verdict));
    if (!outcome.ok() && answer != openexec::name(outcome.code))
      answer += ": " + std::string(openexec::name(outcome.code));
    steps_.push_back({name, tried, answer, why, entered(), outcome.receipt, as_expected});
  }

  void approved() {
    approval_ = sign(payment);
    first_ = ask(payment, "n-1", approval_);
    note("approved", "a payment that a key signed", first_, "it runs, once",
         first_.ok() && !first_.replayed && entered() == 1);
  }
  void replayed() {
    const Outcome again = ask(payment, "n-1", approval_);
    note("replayed", "the same request again", again, "the first answer, told again",
         again.ok() && again.replayed && again.receipt == first_.receipt && entered() == 1);
  }
  void altered() {
    const Outcome outcome = ask(R"({"to":"mallory","amount":25})", "n-2", approval_);
    note("altered", "another payee, same approval", outcome, "a signature covers every byte",
         outcome.code == Code::approval_hash_mismatch && entered() == 1);
  }
  void spent() {
    const Outcome outcome = ask(payment, "n-3", approval_);
    note("spent", "the same approval, another nonce", outcome, "an approval counts once",
         outcome.code == Code::approval_spent && entered() == 1);
  }
  void unapproved() {
    const Outcome outcome = ask(payment, "n-4", {});
    note("unapproved", "no approval", outcome, "nothing runs unless it was approved",
         outcome.code == Code::approval_missing && entered() == 1);
  }

  /// Another process executes and is killed inside its handler. This one opens the ledger that it left.
  void killed() {
    const std::string approval = sign(payment);
    executor_.reset();
    const pid_t child = ::fork();
    if (child < 0) throw Stop(cannot, "no second process can be started");
    if (child == 0) {
      try {
        executor_ = executor(true);
        (void)ask(payment, "n-5", approval);
      } catch (const std::exception&) {
      }
      ::_exit(1);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    open();
    const Outcome outcome = ask(payment, "n-5", approval);
    note("killed", "again, after kill -9 in the handler", outcome, "in doubt: never run a second time",
         WIFSIGNALED(status) && outcome.code == Code::in_doubt && entered() == 2);
  }

  void forged() {
    const bool genuine = verify_receipt(first_.exec_id, first_.result, first_.receipt).ok();
    const bool forgery = verify_receipt(first_.exec_id, R"({"paid": false})", first_.receipt).ok();
    steps_.push_back({"forged", "the receipt, under another result", forgery ? "valid" : "not valid",
                      "a receipt is of one result", entered(), first_.receipt, genuine && !forgery});
  }

  Scratch scratch_;
  crypto::PrivateKey key_ = or_cannot(crypto::PrivateKey::generate(), "the key");
  std::unique_ptr<Executor> executor_;
  std::string approval_;
  Outcome first_;
  std::vector<Step> steps_;
};

void print_json(const std::vector<Step>& steps, const Console& console) {
  for (const Step& step : steps)
    console.out << canon::JsonObject()
                       .text("step", step.name)
                       .text("tried", step.tried)
                       .text("answer", step.answer)
                       .text("why", step.why)
                       .number("handler_entered", step.entered)
                       .text("receipt", step.receipt)
                       .boolean("as_expected", step.as_expected)
                       .take()
                << '\n';
}

void print_table(const std::vector<Step>& steps, const Console& console) {
  const Style style(console);
  std::vector<std::vector<std::string>> rows;
  for (const Step& step : steps)
    rows.push_back({step.name, step.tried, step.as_expected ? step.answer : style.bad(step.answer),
                    std::to_string(step.entered), step.receipt.substr(0, 12), step.why});
  console.out
      << table(style, {"STEP", "TRIED", "ANSWER", "HANDLER ENTERED", "RECEIPT", "BECAUSE"}, rows)
      << "The ledger and the key were in a scratch folder, which is gone. Next: examples/quickstart.sh, README.md\n";
}

int demo(bool json, const Console& console) {
  const std::vector<Step> steps = Demo().run();
  json ? print_json(steps, console) : print_table(steps, console);
  for (const Step& step : steps)
    if (!step.as_expected) throw Stop(no, "step " + step.name + " did not answer as it should");
  return yes;
}

}  // namespace

void add_demo(CommandLine& line) {
  CLI::App* command =
      line.add(line.app(), "demo", "What OpenExec promises, in seven steps, in a scratch folder",
               "Exit codes:\n  0  every step answered as it should\n  1  one did not\n  2  it could not be tried");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "One JSON object a step");
  line.on(*command, [json, &line] { return demo(*json, line.console()); });
}

}  // namespace openexec::terminal
