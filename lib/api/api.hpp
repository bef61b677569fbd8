// SPDX-License-Identifier: Apache-2.0
// The endpoints, without sockets: a request in, an answer out.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openexec/executor.hpp>

#include "api/metrics.hpp"

namespace openexec::service {

/// What the first lines of a request say, before its body is read. The views live as long as the header.
struct Head {
  std::string_view method;
  std::string_view target;                     ///< as sent
  std::vector<std::string_view> content_type;  ///< one value a field line
  std::string_view content_encoding;
};

struct Answer {
  int status = 500;
  std::string body;
  std::string allow;          ///< of the Allow field; empty: no such field
  bool is_preflight = false;  ///< 204 to a page that asks what it may send
  std::string_view content_type = "application/json";
  std::string_view cache_control = "no-store";
  bool gave_proof = false;  ///< Preference-Applied: receipt-proof

  // For the log.
  std::string code;
  std::string exec_id;
  std::string action;
  std::string_view verdict;  ///< empty where nothing was executed; lives for ever, like effect
  std::string_view effect;
  bool replayed = false;
};

/// A request that was read to its end.
struct Call {
  std::string_view argument;  ///< the rest of the path, where the route takes one
  std::string_view query;     ///< without its question mark
  std::string_view body;
  std::optional<std::string_view> idempotency_key;  ///< several lines of the field are joined by line feeds
  bool wants_proof = false;                         ///< Prefer: receipt-proof
};

class Api;

/// Where an answer is made. Waiting executions never delay the other two.
enum class Lane : std::uint8_t {
  immediate,  ///< on the I/O thread: touches nothing that can wait
  read,       ///< reads the ledger or hashes a body
  execute,
};

struct Route {
  std::string_view path;
  bool takes_argument;  ///< the path goes on with one argument
  std::string_view method;
  std::string_view allow;
  Lane lane;
  Answer (Api::*run)(const Call&) const;
};

Answer answer(int status, std::string body, std::string_view code = "ok");

/// Where a request belongs.
struct Routed {
  const Route* route = nullptr;
  std::string argument;
  std::string query;
  std::optional<Answer> refusal;  ///< present: the answer, whatever the body
};

/// Thread-safe.
class Api {
 public:
  /// `actions`: the registered ones, for /metrics.
  explicit Api(std::string mode, std::vector<std::string> actions = {})
      : mode_(std::move(mode)), metrics_(std::move(actions)) {}
  /// Serves the metrics of another one, and nothing else.
  explicit Api(const Api* measured) : metrics_({}), measured_(measured) {}

  [[nodiscard]] Metrics& metrics() const { return metrics_; }
  [[nodiscard]] std::string metrics_text() const { return metrics_.text(executor_.load(std::memory_order_acquire)); }

  /// From here on there is an executor. Until then /ready answers "starting".
  void serve(Executor& executor);
  [[nodiscard]] bool serving() const { return executor_.load(std::memory_order_acquire) != nullptr; }

  /// "enabled" or "disabled". Precondition: serving().
  [[nodiscard]] std::string_view signature_verification() const;

  /// Whether nothing is verified. Until serve() it is taken to be so, unless the mode says otherwise.
  [[nodiscard]] bool is_demo() const;

  void drain() { draining_.store(true, std::memory_order_release); }
  [[nodiscard]] bool draining() const { return draining_.load(std::memory_order_acquire); }
  /// Asks the handlers that run to stop.
  void cancel() { cancellation_.cancel(); }

  /// The route of this path that takes this method; null if there is none.
  [[nodiscard]] static const Route* find(std::string_view method, std::string_view target);
  /// Path, method and content type.
  [[nodiscard]] Routed route(const Head& head) const;
  [[nodiscard]] Answer run(const Route& route, const Call& call) const;

  /// An answer to what never got as far as its route's function. POST /execute keeps its shape.
  [[nodiscard]] static Answer problem(const Route* route, int status, std::string_view detail);

 private:
  Answer info(const Call&) const;
  Answer health(const Call&) const;
  Answer ready(const Call&) const;
  Answer version(const Call&) const;
  Answer execute(const Call& call) const;
  Answer verify_receipt(const Call& call) const;
  Answer receipts(const Call& call) const;  // these three: log_api.cpp
  Answer checkpoint(const Call& call) const;
  Answer tile(const Call& call) const;
  Answer measure(const Call&) const;
  static const Route routes[10];  ///< the last is /metrics, which has a port of its own
  [[nodiscard]] std::span<const Route> served() const;

  std::string mode_;
  std::atomic<Executor*> executor_{nullptr};
  std::atomic<bool> draining_{false};
  mutable Cancellation cancellation_;
  mutable Metrics metrics_;
  const Api* measured_ = nullptr;
};

/// The path of a request target in origin or absolute form, without its query; "*" for OPTIONS *.
std::string_view path_of(std::string_view target);
/// What stands behind the question mark; empty where there is none.
std::string_view query_of(std::string_view target);

}  // namespace openexec::service
