#include <string>

#include <openexec/builtin.hpp>

#include "sqlite/guard.hpp"

namespace openexec {

// The path is taken as it is written, without percent-decoding and without a query: what follows the third slash is a
// file name, whatever characters it holds. The URL is not repeated in a detail, since those of other stores hold
// passwords.
Result<std::shared_ptr<Ledger>> open_ledger(std::string_view url, const SqliteOptions& options) {
  return store::guarded([&]() -> Result<std::shared_ptr<Ledger>> {
    constexpr std::string_view scheme = "sqlite://";
    if (url.substr(0, scheme.size()) != scheme)
      return Status(Code::invalid_argument, "ledger URL: expected sqlite:///PATH, or sqlite:// for memory");
    std::string_view path = url.substr(scheme.size());
    if (path.empty()) {
      if (options.read_only)
        return Status(Code::invalid_argument, "ledger URL: memory cannot be opened for reading only");
      if (!options.log.key_pem.empty() || !options.log.origin.empty() || !options.log.anchor.empty())
        return Status(Code::invalid_argument, "ledger URL: a log in memory takes neither key nor origin nor anchor");
      return memory_ledger();
    }
    if (path.front() != '/')
      return Status(Code::invalid_argument,
                    "ledger URL: three slashes before a relative path, four before an absolute one");
    path.remove_prefix(1);
    if (path.empty()) return Status(Code::invalid_argument, "ledger URL: the path is empty");
    if (path == ":memory:") return Status(Code::invalid_argument, "ledger URL: memory is spelled sqlite://");
    return sqlite_ledger(std::string(path), options);
  });
}

}  // namespace openexec
