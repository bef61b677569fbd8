// SPDX-License-Identifier: Apache-2.0
#include "handlers/command_handler.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "api/event_log.hpp"
#include "base/descriptor.hpp"
#include "base/text.hpp"
#include "canon/json.hpp"

namespace openexec::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int exit_refused = 65;                    // EX_DATAERR: the command did nothing
constexpr milliseconds cancellation_interval{200};  // a flag cannot be polled for
constexpr std::size_t kept_errors = 4096;           // bytes of a command's stderr

using base::Descriptor;

/// Moves the descriptor above 0, 1 and 2. A host may have closed those, and the command gets them as its own.
[[nodiscard]] bool move_up(Descriptor& file) {
  if (file.get() > STDERR_FILENO) return true;
  file = Descriptor(::fcntl(file.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  return file.open();
}

// The payload as a sealed file in memory. A pipe would have to be written while the command runs, and a command that
// does not read would block that, or answer with SIGPIPE.
Descriptor file_of(std::string_view bytes) {
  Descriptor file(::memfd_create("openexec-payload", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  while (file.open() && !bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Descriptor();
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (!file.open() || ::lseek(file.get(), 0, SEEK_SET) != 0 ||
      ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return Descriptor();
  }
  return file;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// What the new process needs. All of it exists before the process is created, because from then on the process neither
/// allocates nor opens anything.
struct Stand {
  const char* path;
  char* const* argv;
  char* const* environment;
  int input;
  int output;
  int errors;
  int channel;
};

constexpr int kept_channel = STDERR_FILENO + 1;

void close_from(unsigned first) noexcept {
  if (::syscall(SYS_close_range, first, ~0U, 0U) == 0) return;
  rlimit most{};
  if (::getrlimit(RLIMIT_NOFILE, &most) != 0) most.rlim_cur = 1U << 20;
  for (rlim_t fd = first; fd < most.rlim_cur; ++fd) ::close(static_cast<int>(fd));
}

/// Runs in the new process, with every signal blocked. It sets up its descriptors, waits for one byte, and becomes the
/// command. If the channel closes without the byte, because the run was given up or the parent died, the process ends.
/// A step that fails is reported as an errno.
[[noreturn]] void become(const Stand& stand) noexcept {
  const bool placed = ::setpgid(0, 0) == 0 && ::dup2(stand.input, STDIN_FILENO) >= 0 &&
                      ::dup2(stand.output, STDOUT_FILENO) >= 0 && ::dup2(stand.errors, STDERR_FILENO) >= 0 &&
                      ::dup2(stand.channel, kept_channel) >= 0 && ::fcntl(kept_channel, F_SETFD, FD_CLOEXEC) == 0;
  int error = placed ? 0 : errno;
  const int channel = placed ? kept_channel : stand.channel;
  if (placed) close_from(kept_channel + 1);
  struct sigaction initial {};
  initial.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &initial, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);

  char go = 0;
  ssize_t got = -1;
  while ((got = ::read(channel, &go, 1)) < 0 && errno == EINTR) {
  }
  if (got != 1) ::_exit(0);
  if (placed) {
    ::execve(stand.path, stand.argv, stand.environment);
    error = errno;
  }
  (void)!::write(channel, &error, sizeof error);
  ::_exit(127);
}

/// Blocks this thread's signals for a scope: no handler of the host runs in the new process.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

/// One process. It starts before its nonce is spent, becomes the command in finish(), and is reaped at the end.
class Run final : public Reservation {
 public:
  explicit Run(std::shared_ptr<const Command> command) : command_(std::move(command)) {}
  ~Run() override {
    if (pid_ > 0) (void)reap(End::lost);
  }

  /// Starts the process, which then waits. Returns an explanation if the system lacks the resources for it.
  std::optional<std::string> hold(const Invocation& call);
  HandlerResult finish(const Cancellation& cancellation);

  /// Runs a command that answers a question, and returns what it wrote and whether its exit code was 65. Returns
  /// nullopt if the command could not be started, or ended with a code other than 0 and 65.
  struct Reply {
    bool refused = false;  ///< exit code 65
    std::string text;
  };
  std::optional<Reply> reply();

 private:
  enum class End { exited, timed_out, cancelled, too_much_output, lost };
  /// Lets the process become the command. Returns an explanation if it could not, and then nothing ran.
  std::optional<std::string> let_go();
  End wait(const Cancellation& cancellation);
  bool drain_output();  ///< reads what the pipe holds; false if the output exceeds max_output
  void drain_errors();  ///< reads what the pipe holds, and keeps the last bytes of all of it
  void log_errors() const;
  /// Kills the process group, which may hold only processes that the command left behind, and reaps the process.
  /// Returns nullopt if other code of the host has taken the exit status.
  std::optional<siginfo_t> reap(End end);

  const std::shared_ptr<const Command> command_;
  pid_t pid_ = -1;
  Descriptor process_;
  Descriptor output_;
  Descriptor channel_;  ///< leads to the process while it waits; the process's end closes when the command runs
  std::string text_;
  Descriptor errors_;  ///< open if the action asks for the stderr of its command
  std::string error_text_;
  bool cut_ = false;
  std::string exec_id_;  ///< these two for the log
  std::string action_;
};

std::string not_started(const char* what, int error) {
  return std::string("the command could not be started: ") + what + ": " + std::strerror(error);
}

/// A pipe whose first end does not block.
bool open_pipe(Descriptor& ours, Descriptor& theirs) {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return false;
  ours = Descriptor(ends[0]);
  theirs = Descriptor(ends[1]);
  return move_up(ours) && move_up(theirs) && ::fcntl(theirs.get(), F_SETFL, 0) == 0;
}

std::optional<std::string> Run::hold(const Invocation& call) {
  exec_id_ = call.exec_id;
  action_ = call.action;
  Descriptor input = file_of(call.payload);
  if (!input.open() || !move_up(input)) return not_started("stdin", errno);
  Descriptor theirs;
  if (!open_pipe(output_, theirs)) return not_started("stdout", errno);
  Descriptor errors;
  const bool logs = command_->log_stderr && command_->log;
  if (!logs) errors = Descriptor(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (logs ? !open_pipe(errors_, errors) : !errors.open() || !move_up(errors)) return not_started("stderr", errno);
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return not_started("channel", errno);
  channel_ = Descriptor(ends[0]);
  Descriptor its_channel(ends[1]);
  if (!move_up(channel_) || !move_up(its_channel)) return not_started("channel", errno);

  std::vector<std::string> argv = command_->argv;
  std::vector<std::string> environment = command_->environment;
  environment.push_back("OPENEXEC_EXEC_ID=" + std::string(call.exec_id));
  environment.push_back("OPENEXEC_ACTION=" + std::string(call.action));
  environment.push_back("OPENEXEC_TENANT=" + std::string(call.tenant));
  environment.push_back("OPENEXEC_ATTEMPT=" + std::to_string(call.attempt));
  const std::vector<char*> arguments = pointers(argv);
  const std::vector<char*> variables = pointers(environment);
  const Stand stand{argv[0].c_str(), arguments.data(), variables.data(), input.get(),
                    theirs.get(),    errors.get(),     its_channel.get()};
  {
    const SignalsBlocked blocked;
    pid_ = ::fork();
    if (pid_ == 0) become(stand);
  }
  if (pid_ < 0) return not_started("process", errno);
  ::setpgid(pid_, pid_);  // the new process does the same, so that the group exists whichever of the two comes first
  // By number, since glibc 2.36 declares its wrapper without C linkage.
  process_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!process_.open()) return not_started("process", errno);
  return std::nullopt;
}

std::optional<std::string> Run::let_go() {
  const char go = 1;
  if (::send(channel_.get(), &go, 1, MSG_NOSIGNAL) != 1) return not_started("process", errno);
  int error = 0;
  ssize_t got = -1;
  while ((got = ::read(channel_.get(), &error, sizeof error)) < 0 && errno == EINTR) {
  }
  channel_.reset();
  if (got == sizeof error) return not_started(command_->argv[0].c_str(), error);
  return std::nullopt;
}

HandlerResult Run::finish(const Cancellation& cancellation) {
  if (const auto why_not = let_go()) return HandlerResult::failed(*why_not, Effect::none);
  const End end = wait(cancellation);
  const std::optional<siginfo_t> status = reap(end);
  log_errors();
  switch (end) {
    case End::timed_out:
      return HandlerResult::in_doubt("the command was killed: it took longer than " +
                                     std::to_string(command_->timeout.count()) + " ms");
    case End::cancelled: return HandlerResult::in_doubt("the command was killed: it was cancelled");
    case End::too_much_output:
      return HandlerResult::in_doubt("the command was killed: it wrote more than " +
                                     std::to_string(command_->max_output) + " bytes");
    case End::lost: return HandlerResult::in_doubt("the command was killed: it could not be watched");
    case End::exited: break;
  }
  if (!status) return HandlerResult::in_doubt("the command's exit status was lost");
  if (status->si_code != CLD_EXITED)
    return HandlerResult::failed("the command was ended by signal " + std::to_string(status->si_status) +
                                 ", and may have done something");
  const std::string exited = "the command exited with " + std::to_string(status->si_status);
  if (status->si_status == exit_refused)
    return HandlerResult::failed(exited + ": it refused, and nothing happened", Effect::none);
  if (status->si_status != 0) return HandlerResult::failed(exited + ": it failed, and may have done something");
  return HandlerResult::result(std::move(text_));
}

std::optional<Run::Reply> Run::reply() {
  if (let_go()) return std::nullopt;
  const End end = wait({});
  const std::optional<siginfo_t> status = reap(end);
  if (end != End::exited || !status || status->si_code != CLD_EXITED) return std::nullopt;
  if (status->si_status != 0 && status->si_status != exit_refused) return std::nullopt;
  return Reply{status->si_status == exit_refused, std::move(text_)};
}

Run::End Run::wait(const Cancellation& cancellation) {
  const auto deadline = steady_clock::now() + command_->timeout;
  for (;;) {
    // poll() ignores a descriptor of -1.
    std::array<pollfd, 3> events{{{process_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}}};
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left <= milliseconds::zero()) return End::timed_out;
    if (cancellation.cancelled()) return End::cancelled;
    const int ready =
        ::poll(events.data(), events.size(), static_cast<int>(std::min(left, cancellation_interval).count()));
    if (ready < 0 && errno != EINTR) return End::lost;
    if (ready <= 0) continue;
    // When the command has ended, all of its own output is in the pipe. Other processes may still hold the pipe open,
    // and this loop does not wait for them.
    drain_errors();
    if (!drain_output()) return End::too_much_output;
    if (events[0].revents != 0) return drain_output() ? End::exited : End::too_much_output;
  }
}

bool Run::drain_output() {
  std::array<char, 16384> chunk;
  while (output_.open()) {
    const ssize_t got = ::read(output_.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) {
      output_.reset();
      return true;
    }
    if (static_cast<std::size_t>(got) > command_->max_output - text_.size()) return false;
    text_.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return true;
}

void Run::drain_errors() {
  // A command may write without end. After so many bytes the caller checks the deadline again.
  constexpr std::size_t at_once = std::size_t{1} << 20;
  std::array<char, 16384> chunk;
  for (std::size_t taken = 0; errors_.open() && taken < at_once;) {
    const ssize_t got = ::read(errors_.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return errors_.reset();
    taken += static_cast<std::size_t>(got);
    error_text_.append(chunk.data(), static_cast<std::size_t>(got));
    if (error_text_.size() <= kept_errors) continue;
    error_text_.erase(0, error_text_.size() - kept_errors);
    cut_ = true;
  }
}

/// Returns the bytes as well-formed UTF-8 for JSON. Ill-formed bytes become U+FFFD, also those of a character that was
/// cut in half.
std::string as_utf8(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const std::size_t good = base::utf8_prefix(bytes);
    text.append(bytes.substr(0, good));
    bytes.remove_prefix(good);
    if (bytes.empty()) break;
    text += "\xef\xbf\xbd";
    bytes.remove_prefix(1);
  }
  return text;
}

void Run::log_errors() const {
  if (error_text_.empty()) return;
  auto line = EventLog::line("command_stderr");
  line.text("action", action_).text("exec_id", exec_id_).text("text", as_utf8(error_text_)).boolean("cut", cut_);
  command_->log(line.take());
}

std::optional<siginfo_t> Run::reap(End end) {
  const pid_t pid = std::exchange(pid_, -1);
  const auto id = static_cast<id_t>(pid);
  siginfo_t status{};
  if (end == End::exited && ::waitid(P_PID, id, &status, WEXITED | WNOWAIT) != 0) return std::nullopt;
  // The kernel gives the leader's number to no other process before the leader is reaped. The leader may have left its
  // group, so it is killed by itself as well.
  ::kill(-pid, SIGKILL);
  ::kill(pid, SIGKILL);
  while (::waitid(P_PID, id, &status, WEXITED) != 0)
    if (errno != EINTR) return std::nullopt;
  return status;
}

std::optional<Run::Reply> ask(const std::shared_ptr<const Command>& question, const Invocation& about) {
  Run run(question);
  if (run.hold(about)) return std::nullopt;
  return run.reply();
}

/// Returns the command with other arguments. Timeout, environment and the other settings stay.
std::shared_ptr<const Command> question_of(const Command& command, const std::vector<std::string>& argv) {
  Command question = command;
  question.argv = argv;
  return std::make_shared<const Command>(std::move(question));
}

/// Asks the reconcile command. A JSON object with exit code 0 is the result, and exit code 65 says that nothing
/// happened. Anything else leaves the execution in doubt, also a command that cannot be started.
Reconcile reconcile_by(std::shared_ptr<const Command> question) {
  return [question = std::move(question)](const Settlement& about) {
    const Cancellation never;
    auto reply = ask(question, {.exec_id = about.exec_id,
                                .action = about.action,
                                .payload = {},
                                .tenant = about.tenant,
                                .deadline = {},
                                .cancellation = never,
                                .attempt = about.attempt});
    if (!reply) return HandlerResult::in_doubt("the reconcile command gave no answer");
    if (reply->refused) return HandlerResult::failed("the reconcile command says that nothing happened", Effect::none);
    const auto result = canon::parse(reply->text, {.max_bytes = reply->text.size()});
    if (!result.ok() || !result->root().is(canon::Type::object))
      return HandlerResult::in_doubt("the reconcile command wrote no JSON object");
    return HandlerResult::result(std::move(reply->text));
  };
}

/// A decimal number of US dollars on a line of its own.
Cost cost_by(std::shared_ptr<const Command> question) {
  return [question = std::move(question)](const CostQuery& query) -> Result<Usd> {
    const Cancellation never;
    const auto reply = ask(question, {.exec_id = {},
                                      .action = query.action,
                                      .payload = query.payload,
                                      .tenant = query.tenant,
                                      .deadline = {},
                                      .cancellation = never});
    if (!reply || reply->refused) return Status(Code::approval_constraint, "the cost command gave no answer");
    std::string_view text = reply->text;
    if (text.ends_with('\n')) text.remove_suffix(1);
    const std::optional<Usd> cost = Usd::parse(text);
    if (!cost) return Status(Code::approval_constraint, "the cost command wrote no amount");
    return *cost;
  };
}

}  // namespace

HandlerTable::Row command_row(Command command) {
  const auto shared = std::make_shared<const Command>(std::move(command));
  HandlerTable::Row row;
  row.deadline = shared->timeout;
  row.schema = shared->schema;
  row.retry_none = shared->retry_none;
  if (!shared->reconcile.empty()) row.reconcile = reconcile_by(question_of(*shared, shared->reconcile));
  if (!shared->cost.empty()) row.cost = cost_by(question_of(*shared, shared->cost));
  row.prepare = [shared](const Invocation& call) -> Result<std::unique_ptr<Reservation>> {
    auto run = std::make_unique<Run>(shared);
    if (const auto why_not = run->hold(call)) return Status(Code::overloaded, *why_not);
    return std::unique_ptr<Reservation>(std::move(run));
  };
  row.run = [shared](const Invocation& call) {
    if (auto* const held = dynamic_cast<Run*>(call.reservation)) return held->finish(call.cancellation);
    Run run(shared);
    if (const auto why_not = run.hold(call)) return HandlerResult::failed(*why_not, Effect::none);
    return run.finish(call.cancellation);
  };
  return row;
}

}  // namespace openexec::service
