#include "service/command_handler.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
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

namespace openexec::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int exit_refused = 65;                    // EX_DATAERR: the command did nothing
constexpr milliseconds cancellation_interval{200};  // a flag cannot be polled for

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }
  void reset() { Descriptor(std::move(*this)); }

  /// Out of the way of 0, 1 and 2, which a host may have closed.
  [[nodiscard]] bool move_up() {
    if (fd_ > STDERR_FILENO) return true;
    Descriptor moved(::fcntl(fd_, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    std::swap(fd_, moved.fd_);
    return open();
  }

 private:
  int fd_ = -1;
};

struct FileActions {
  FileActions() { ready = ::posix_spawn_file_actions_init(&value) == 0; }
  ~FileActions() {
    if (ready) ::posix_spawn_file_actions_destroy(&value);
  }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  posix_spawn_file_actions_t value{};
  bool ready = false;
};

struct Attributes {
  Attributes() { ready = ::posix_spawnattr_init(&value) == 0; }
  ~Attributes() {
    if (ready) ::posix_spawnattr_destroy(&value);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  posix_spawnattr_t value{};
  bool ready = false;
};

// The payload as a sealed file in memory. A pipe would have to be written while the command runs, and a command that
// does not read would block that, or answer with SIGPIPE.
Descriptor file_of(std::string_view bytes) {
  Descriptor file(::memfd_create("openexec-payload", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  while (file.open() && !bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return {};
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (!file.open() || ::lseek(file.get(), 0, SEEK_SET) != 0 ||
      ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return {};
  }
  return file;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// One process, from its start to its reaping.
class Run {
 public:
  Run(const Command& command, const Invocation& call) : command_(command), call_(call) {}
  ~Run() {
    if (pid_ > 0) (void)reap(End::lost);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// An explanation where it could not be started: then nothing ran.
  std::optional<std::string> start();
  HandlerResult finish();

 private:
  enum class End { exited, timed_out, cancelled, too_much_output, lost };
  End wait();
  bool drain_output();  ///< takes what is there; false when that is too much
  /// Ends the group, if only what the command left behind, and reaps. Nothing where the status went to somebody else.
  std::optional<siginfo_t> reap(End end);

  const Command& command_;
  const Invocation& call_;
  pid_t pid_ = -1;
  Descriptor process_;
  Descriptor output_;
  std::string text_;
};

std::optional<std::string> Run::start() {
  const auto failed = [](const char* what, int error) {
    return std::string("the command could not be started: ") + what + ": " + std::strerror(error);
  };
  Descriptor input = file_of(call_.payload);
  if (!input.open() || !input.move_up()) return failed("stdin", errno);
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return failed("stdout", errno);
  output_ = Descriptor(ends[0]);
  Descriptor theirs(ends[1]);
  if (!output_.move_up() || !theirs.move_up()) return failed("stdout", errno);
  // Only our end must not block.
  if (::fcntl(theirs.get(), F_SETFL, 0) != 0) return failed("stdout", errno);

  FileActions files;
  Attributes attributes;
  if (!files.ready || !attributes.ready) return failed("memory", ENOMEM);
  sigset_t all;
  sigset_t none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  int error = ::posix_spawn_file_actions_adddup2(&files.value, input.get(), STDIN_FILENO);
  if (error == 0) error = ::posix_spawn_file_actions_adddup2(&files.value, theirs.get(), STDOUT_FILENO);
  if (error == 0) error = ::posix_spawn_file_actions_addopen(&files.value, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  if (error == 0) error = ::posix_spawn_file_actions_addclosefrom_np(&files.value, STDERR_FILENO + 1);
  if (error == 0) error = ::posix_spawnattr_setpgroup(&attributes.value, 0);
  if (error == 0) error = ::posix_spawnattr_setsigdefault(&attributes.value, &all);
  if (error == 0) error = ::posix_spawnattr_setsigmask(&attributes.value, &none);
  if (error == 0) {
    error = ::posix_spawnattr_setflags(&attributes.value,
                                       POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  if (error != 0) return failed("memory", error);

  std::vector<std::string> argv = command_.argv;
  std::vector<std::string> environment = command_.environment;
  environment.push_back("OPENEXEC_EXEC_ID=" + std::string(call_.exec_id));
  environment.push_back("OPENEXEC_ACTION=" + std::string(call_.action));
  environment.push_back("OPENEXEC_TENANT=" + std::string(call_.tenant));
  error = ::posix_spawn(&pid_, argv[0].c_str(), &files.value, &attributes.value, pointers(argv).data(),
                        pointers(environment).data());
  if (error != 0) return failed(argv[0].c_str(), error);
  return std::nullopt;
}

HandlerResult Run::finish() {
  const End end = wait();
  const std::optional<siginfo_t> status = reap(end);
  switch (end) {
    case End::timed_out:
      return HandlerResult::in_doubt("the command was killed: it took longer than " +
                                     std::to_string(command_.timeout.count()) + " ms");
    case End::cancelled: return HandlerResult::in_doubt("the command was killed: it was cancelled");
    case End::too_much_output:
      return HandlerResult::in_doubt("the command was killed: it wrote more than " +
                                     std::to_string(command_.max_output) + " bytes");
    case End::lost: return HandlerResult::in_doubt("the command was killed: it could not be watched");
    case End::exited: break;
  }
  if (!status) return HandlerResult::in_doubt("the command's exit status was lost");
  if (status->si_code != CLD_EXITED)
    return HandlerResult::failed("the command was ended by signal " + std::to_string(status->si_status));
  if (status->si_status == exit_refused) return HandlerResult::failed("the command refused", Effect::none);
  if (status->si_status != 0)
    return HandlerResult::failed("the command exited with " + std::to_string(status->si_status));
  // One object; what is not even meant to be one is as invalid as broken JSON.
  const std::size_t first = text_.find_first_not_of(" \t\r\n");
  const bool object = first != text_.npos && text_[first] == '{';
  return HandlerResult::result(object ? std::move(text_) : std::string());
}

Run::End Run::wait() {
  // By number, since glibc 2.36 declares its wrapper without C linkage.
  process_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!process_.open()) return End::lost;
  const auto deadline = steady_clock::now() + command_.timeout;
  for (;;) {
    std::array<pollfd, 2> events{{{process_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}}};  // -1 is passed over
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left <= milliseconds::zero()) return End::timed_out;
    if (call_.cancellation.cancelled()) return End::cancelled;
    const int ready =
        ::poll(events.data(), events.size(), static_cast<int>(std::min(left, cancellation_interval).count()));
    if (ready < 0 && errno != EINTR) return End::lost;
    if (ready <= 0) continue;
    // Its own output is in the pipe when it has ended; who else holds the pipe open is not waited for.
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
    if (static_cast<std::size_t>(got) > command_.max_output - text_.size()) return false;
    text_.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return true;
}

std::optional<siginfo_t> Run::reap(End end) {
  const pid_t pid = std::exchange(pid_, -1);
  const auto id = static_cast<id_t>(pid);
  siginfo_t status{};
  if (end == End::exited && ::waitid(P_PID, id, &status, WEXITED | WNOWAIT) != 0) return std::nullopt;
  // Until the leader is reaped its number belongs to nobody else. It may have left its group.
  ::kill(-pid, SIGKILL);
  ::kill(pid, SIGKILL);
  while (::waitid(P_PID, id, &status, WEXITED) != 0)
    if (errno != EINTR) return std::nullopt;
  return status;
}

}  // namespace

Handler command_handler(Command command) {
  return [command = std::make_shared<const Command>(std::move(command))](const Invocation& call) {
    Run run(*command, call);
    if (const auto why_not = run.start()) return HandlerResult::failed(*why_not, Effect::none);
    return run.finish();
  };
}

}  // namespace openexec::service
