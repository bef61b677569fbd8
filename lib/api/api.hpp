// SPDX-License-Identifier: Apache-2.0
// The endpoints of the service, without sockets. Each turns a request into an answer.
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

/// The request line and the fields of a request that are judged before its body is read. The views live as long as the
/// header.
struct Head {
  std::string_view method;
  std::string_view target;                     ///< as sent
  std::vector<std::string_view> content_type;  ///< one value a field line
  std::string_view content_encoding;
};

struct Answer {
  int status = 500;
  std::string body;
  std::string allow;          ///< value of the Allow field; empty: no such field
  bool is_preflight = false;  ///< 204 to a web page's CORS preflight request
  std::string_view content_type = "application/json";
  std::string_view cache_control = "no-store";
  bool gave_proof = false;  ///< Preference-Applied: receipt-proof

  // The members below are for the event log.
  std::string code;
  std::string exec_id;
  std::string action;
  std::string_view verdict;  ///< empty if the request was no execution; a constant that never dies, like effect
  std::string_view effect;
  bool replayed = false;
};

/// A request that was read completely.
struct Call {
  std::string_view argument;  ///< the rest of the path, if the route takes an argument
  std::string_view query;     ///< without its question mark
  std::string_view body;
  std::optional<std::string_view> idempotency_key;  ///< several lines of the field are joined by line feeds
  bool wants_proof = false;                         ///< Prefer: receipt-proof
};

class Api;

/// The threads that make an answer. Executions that wait never delay the other two lanes.
enum class Lane : std::uint8_t {
  immediate,  ///< the I/O thread; the route must not block
  read,       ///< reads the ledger or hashes a body
  execute,
};

struct Route {
  std::string_view path;
  bool takes_argument;  ///< one argument follows the path
  std::string_view method;
  std::string_view allow;
  Lane lane;
  Answer (Api::*run)(const Call&) const;
};

Answer answer(int status, std::string body, std::string_view code = "ok");

/// The route of a request, or the refusal that answers it.
struct Routed {
  const Route* route = nullptr;
  std::string argument;
  std::string query;
  std::optional<Answer> refusal;  ///< if present, the answer, whatever the body is
};

/// Thread-safe.
class Api {
 public:
  /// `actions` are the registered actions, for /metrics.
  explicit Api(std::string mode, std::vector<std::string> actions = {})
      : mode_(std::move(mode)), metrics_(std::move(actions)) {}
  /// Serves the metrics of another Api, and nothing else.
  explicit Api(const Api* measured) : metrics_({}), measured_(measured) {}

  [[nodiscard]] Metrics& metrics() const { return metrics_; }
  [[nodiscard]] std::string metrics_text() const { return metrics_.text(executor_.load(std::memory_order_acquire)); }

  /// Sets the executor. Until then /ready answers "starting".
  void serve(Executor& executor);
  [[nodiscard]] bool serving() const { return executor_.load(std::memory_order_acquire) != nullptr; }

  /// "enabled" or "disabled". Precondition: serving().
  [[nodiscard]] std::string_view signature_verification() const;

  /// Returns whether no approval is verified. Until serve() the answer is yes, unless the mode says otherwise.
  [[nodiscard]] bool is_demo() const;

  void drain() { draining_.store(true, std::memory_order_release); }
  [[nodiscard]] bool draining() const { return draining_.load(std::memory_order_acquire); }
  /// Asks the running handlers to stop.
  void cancel() { cancellation_.cancel(); }

  /// Returns the route of this path that takes this method, or null if no route does.
  [[nodiscard]] static const Route* find(std::string_view method, std::string_view target);
  /// Checks path, method and content type.
  [[nodiscard]] Routed route(const Head& head) const;
  [[nodiscard]] Answer run(const Route& route, const Call& call) const;

  /// Returns the answer to a request that did not reach its route's function. For POST /execute it has the shape of an
  /// outcome.
  [[nodiscard]] static Answer problem(const Route* route, int status, std::string_view detail);

 private:
  Answer info(const Call&) const;
  Answer health(const Call&) const;
  Answer ready(const Call&) const;
  Answer version(const Call&) const;
  Answer execute(const Call& call) const;
  Answer verify_receipt(const Call& call) const;
  Answer receipts(const Call& call) const;  // this and the next two are in log_api.cpp
  Answer checkpoint(const Call& call) const;
  Answer tile(const Call& call) const;
  Answer measure(const Call&) const;
  static const Route routes[10];  ///< the last is /metrics, which is served on a port of its own
  [[nodiscard]] std::span<const Route> served() const;

  std::string mode_;
  std::atomic<Executor*> executor_{nullptr};
  std::atomic<bool> draining_{false};
  mutable Cancellation cancellation_;
  mutable Metrics metrics_;
  const Api* measured_ = nullptr;
};

/// Returns the path of a request target in origin or absolute form, without its query. For OPTIONS * that is "*".
std::string_view path_of(std::string_view target);
/// Returns the text behind the question mark, or an empty text if the target has no query.
std::string_view query_of(std::string_view target);

}  // namespace openexec::service
