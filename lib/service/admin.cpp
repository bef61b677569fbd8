#include "service/admin.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "canon/json.hpp"
#include "canon/json_object.hpp"

namespace openexec::service {
namespace {

namespace http = boost::beast::http;
using canon::JsonObject;

constexpr std::size_t max_request = std::size_t{16} << 10;
constexpr int patience_ms = 5'000;  // for a request, and for its answer to be taken

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw std::runtime_error("the admin socket " + path + ": " + why);
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    fail(path, "must be 1 to " + std::to_string(sizeof address.sun_path - 1) + " bytes");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* as_address(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

/// Nobody, for certain: a full queue and a lack of descriptors look like somebody.
bool nobody_listens(const sockaddr_un& address) {
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool refused =
      probe >= 0 && ::connect(probe, as_address(address), sizeof address) != 0 && errno == ECONNREFUSED;
  if (probe >= 0) ::close(probe);
  return refused;
}

/// Whoever may write the folder could put a socket of their own there.
void check_folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  struct stat there {};
  if (::stat(folder.c_str(), &there) != 0) fail(path, std::string("its folder: ") + std::strerror(errno));
  if (!S_ISDIR(there.st_mode)) fail(path, "its folder is none");
  if (there.st_uid != 0 && there.st_uid != ::geteuid()) fail(path, "its folder belongs to another user");
  if ((there.st_mode & 0022) != 0 && (there.st_mode & S_ISVTX) == 0) fail(path, "its folder is writable by others");
}

/// What is left of the time for one peer, in milliseconds.
class Patience {
 public:
  [[nodiscard]] int left() const {
    const auto now = std::chrono::steady_clock::now();
    return now >= end_ ? 0 : static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(end_ - now).count());
  }

 private:
  const std::chrono::steady_clock::time_point end_ =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
};

/// Whether it happened; false when the time is over. A signal is no reason to give up.
bool wait_for(int peer, short what, const Patience& patience) {
  for (;;) {
    pollfd one{peer, what, 0};
    const int ready = ::poll(&one, 1, patience.left());
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

struct Asked {
  std::string method;
  std::string target;
  std::string body;
};

struct Answer {
  int status = 500;
  std::string body;
};

Answer problem(int status, std::string_view code, std::string_view detail) {
  return {status, JsonObject().raw("error", JsonObject().text("code", code).text("detail", detail).take()).take()};
}

/// A whole request, or why it is none. Nothing where the peer went away.
std::optional<std::variant<Asked, Answer>> read_request(int peer) {
  http::request_parser<http::string_body> parser;
  parser.eager(true);
  parser.body_limit(max_request);
  std::string bytes;
  char chunk[4096];
  const Patience patience;
  std::size_t received = 0;
  for (;;) {
    if (!wait_for(peer, POLLIN, patience)) return problem(408, "request_timeout", "the request took too long");
    const ssize_t got = ::recv(peer, chunk, sizeof chunk, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    bytes.append(chunk, static_cast<std::size_t>(got));
    received += static_cast<std::size_t>(got);
    boost::system::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(bytes), error);
    bytes.erase(0, used);
    if (received > max_request || error == http::error::body_limit)
      return problem(413, "body_too_large", "over " + std::to_string(max_request) + " bytes");
    if (error && error != http::error::need_more) return problem(400, "bad_request", error.message());
    if (parser.is_done()) break;
  }
  const auto& request = parser.get();
  return Asked{std::string(request.method_string()), std::string(request.target()), request.body()};
}

void write_answer(int peer, const Answer& answer) {
  const std::string text = "HTTP/1.1 " + std::to_string(answer.status) +
                           (answer.status == 200 ? " OK" : " Refused") +
                           "\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nConnection: close\r\n"
                           "Content-Length: " +
                           std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
  const Patience patience;
  for (std::size_t sent = 0; sent < text.size();) {
    if (!wait_for(peer, POLLOUT, patience)) return;
    const ssize_t now = ::send(peer, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) return;
    sent += static_cast<std::size_t>(now);
  }
}

std::string_view kind_name(ControlKind kind) {
  switch (kind) {
    case ControlKind::halt: return "halt";
    case ControlKind::revoke_approval: return "revoke_approval";
    case ControlKind::revoke_key: return "revoke_key";
  }
  return {};
}

std::string status_json(const Executor& executor) {
  std::string controls;
  for (const ControlName& name : executor.controls())
    controls.append(controls.empty() ? "" : ",")
        .append(JsonObject()
                    .text("kind", kind_name(name.kind))
                    .text_or_null("id", name.id)
                    .text_or_null("tenant", name.tenant)
                    .take());
  return JsonObject()
      .boolean("halted", executor.halted())
      .text("tenant", executor.config().tenant)
      .raw("controls", "[" + controls + "]")
      .take();
}

/// The members of an order. Each is a string; another member is refused, so that nothing that was meant is dropped.
class Members {
 public:
  Members(std::string_view body, std::vector<std::string_view> known) {
    Result<canon::Document> parsed = canon::parse(body, {max_request, 2});
    if (!parsed.ok() || !parsed->root().is(canon::Type::object)) {
      fault_ = parsed.ok() ? "must be one JSON object" : parsed.status().detail();
      return;
    }
    for (const auto [name, value] : parsed->root()) {
      if (std::find(known.begin(), known.end(), name) == known.end())
        fault_ = "unknown member; known are who, why, tenant, and for /revoke approval or key";
      else if (!value.is(canon::Type::string) || value.string().empty())
        fault_ = std::string(name) + ": must be a string, and not empty";
      else
        values_.emplace_back(name, value.string());
    }
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] std::string_view find(std::string_view name) const {
    for (const auto& [key, value] : values_)
      if (key == name) return value;
    return {};
  }

 private:
  std::string fault_;
  std::vector<std::pair<std::string, std::string>> values_;
};

Answer order(Executor& executor, const Asked& asked, uid_t uid) {
  const bool revokes = asked.target == "/revoke";
  std::vector<std::string_view> known{"who", "why", "tenant"};
  if (revokes) known.insert(known.end(), {"approval", "key"});
  const Members members(asked.body, std::move(known));
  if (!members.fault().empty()) return problem(422, "invalid_field", members.fault());
  // What the peer says of itself, and what the kernel says.
  if (members.find("who").empty()) return problem(422, "invalid_field", "who: missing");
  const std::string who = std::string(members.find("who")) + " (uid " + std::to_string(uid) + ")";
  const Order given{.who = who, .why = members.find("why"), .tenant = members.find("tenant")};
  const std::string_view approval = members.find("approval");
  const std::string_view key = members.find("key");
  if (revokes && approval.empty() == key.empty())
    return problem(422, "invalid_field", "either approval or key has to be given");

  const Outcome outcome = asked.target == "/halt"     ? executor.halt(given)
                          : asked.target == "/resume" ? executor.resume(given)
                          : key.empty()               ? executor.revoke_approval(approval, given)
                                                      : executor.revoke_key(key, given);
  if (outcome.code == Code::invalid_argument) return problem(422, "invalid_field", outcome.detail);
  JsonObject json;
  json.text("code", name(outcome.code))
      .raw("result", outcome.result)
      .text("receipt", outcome.receipt)
      .raw("entry", outcome.entry_index ? std::to_string(*outcome.entry_index) : "null")
      .boolean("halted", executor.halted());
  if (!outcome.detail.empty()) json.text("detail", outcome.detail);
  return {outcome.http, json.take()};
}

Answer answer(Executor& executor, const Asked& asked, uid_t uid) {
  const bool status = asked.target == "/status";
  if (!status && asked.target != "/halt" && asked.target != "/resume" && asked.target != "/revoke")
    return problem(404, "not_found", "GET /status; POST /halt, /resume, /revoke");
  if (asked.method != (status ? "GET" : "POST")) return problem(405, "method_not_allowed", status ? "GET" : "POST");
  return status ? Answer{200, status_json(executor)} : order(executor, asked, uid);
}

}  // namespace

AdminListener::AdminListener(std::string path, std::vector<std::uint32_t> uids, Executor& executor, EventLog& log)
    : path_(std::move(path)), uids_(std::move(uids)), executor_(executor), log_(log) {
  bind();
  thread_ = std::thread([this] { run(); });
}

void AdminListener::bind() {
  const sockaddr_un address = address_of(path_);
  check_folder(path_);
  struct stat there {};
  if (::lstat(path_.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode)) fail(path_, "something else is there");
    if (there.st_uid != ::geteuid()) fail(path_, "another user's socket is there");
    if (!nobody_listens(address)) fail(path_, "another process listens there");
    if (::unlink(path_.c_str()) != 0) fail(path_, std::strerror(errno));
  }
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  stop_ = ::eventfd(0, EFD_CLOEXEC);
  // The mode comes first, so that there is no moment at which others might connect; the umask is everybody's.
  // Others that are listed cannot be named in a mode: they may connect like anybody, and are asked who they are.
  const mode_t mode = uids_.empty() ? 0600 : 0666;
  const bool made = listener_ >= 0 && stop_ >= 0 && ::fchmod(listener_, mode) == 0 &&
                    ::bind(listener_, as_address(address), sizeof address) == 0;
  const int error = errno;
  // A umask takes bits away from the mode; where others are listed, it has to be put back.
  if (made && !uids_.empty()) (void)::chmod(path_.c_str(), mode);
  if (made && ::lstat(path_.c_str(), &there) == 0 && (there.st_mode & 0777 & ~mode) == 0 && ::listen(listener_, 8) == 0) {
    device_ = there.st_dev;
    inode_ = there.st_ino;
    return;
  }
  if (made) ::unlink(path_.c_str());
  if (listener_ >= 0) ::close(listener_);
  if (stop_ >= 0) ::close(stop_);
  fail(path_, made ? "others could reach it" : std::strerror(error));
}

AdminListener::~AdminListener() {
  const std::uint64_t one = 1;
  while (::write(stop_, &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
  struct stat there {};
  if (::lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ && there.st_ino == inode_)
    ::unlink(path_.c_str());
  ::close(listener_);
  ::close(stop_);
}

void AdminListener::run() {
  for (;;) {
    pollfd waits[2] = {{listener_, POLLIN, 0}, {stop_, POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) return;
    if (waits[1].revents != 0) return;
    const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (peer < 0) {
      // Without descriptors the peer stays in the queue: look again a little later, but end at once when told to.
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) (void)::poll(&waits[1], 1, 100);
      continue;
    }
    try {
      serve(peer);
    } catch (const std::exception&) {  // most likely memory; the order said itself what became of it
    }
    ::close(peer);
  }
}

bool AdminListener::may_order(uid_t uid) const {
  return uid == ::geteuid() || uid == 0 || std::find(uids_.begin(), uids_.end(), uid) != uids_.end();
}

void AdminListener::serve(int peer) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return;
  Answer answered;
  std::string target;
  if (!may_order(who.uid)) {
    answered = problem(403, "forbidden", "this user is not on the list of the admin socket");
  } else {
    const auto request = read_request(peer);
    if (!request) return;
    if (const auto* asked = std::get_if<Asked>(&*request)) {
      target = asked->target;
      answered = answer(executor_, *asked, who.uid);
    } else {
      answered = std::get<Answer>(*request);
    }
  }
  const bool known = target == "/status" || target == "/halt" || target == "/resume" || target == "/revoke";
  log_.write(EventLog::line("admin")
                 .text_or_null("path", known ? target : std::string())
                 .number("uid", who.uid)
                 .number("pid", who.pid)
                 .number("status", answered.status));
  write_answer(peer, answered);
}

}  // namespace openexec::service
