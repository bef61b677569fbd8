// Handlers of one batch that a host runs where it likes.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <openexec/executor.hpp>

namespace openexec::exec {

/// Lends pieces of work, and ends when none of them runs any more. Each piece runs once, however often it is called. If
/// the batch is left early, because its thread ends, a piece that has not begun never begins.
class Lending {
 public:
  explicit Lending(const Lend& lend) : lend_(lend) {}
  Lending(const Lending&) = delete;
  Lending& operator=(const Lending&) = delete;
  ~Lending() { wait_after_taking_back(true); }

  /// Hands out one piece. Where the host's function throws, the piece runs here.
  void lend(std::function<void()> work);
  /// Returns when every piece has run.
  void finish() { wait_after_taking_back(false); }

 private:
  struct Shared {
    std::mutex mutex;
    std::condition_variable finished;
    std::size_t due = 0;          ///< pieces that are running, or may begin
    std::vector<bool> begun;      ///< by the number of the piece
    [[nodiscard]] bool begin(std::size_t piece);
    void end() noexcept;
  };
  void wait_after_taking_back(bool take_back) noexcept;

  const Lend& lend_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace openexec::exec
