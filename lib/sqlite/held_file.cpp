// SPDX-License-Identifier: Apache-2.0
#include "sqlite/held_file.hpp"
#include "base/assert.hpp"
#include "base/mutex.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "sqlite/descriptor.hpp"
#include "sqlite/guard.hpp"

namespace openexec::store {
namespace {

using Key = std::pair<dev_t, ino_t>;

// After the end of the largest database (2^48 bytes), and far from the bytes at 2^30 that SQLite locks.
constexpr off_t lock_byte = off_t{1} << 62;
static_assert(sizeof(off_t) == 8);

std::optional<Key> key_of(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  return Key(status.st_dev, status.st_ino);
}

/// Sets or releases the lock of the open file description. Returns false if another one has it.
bool set_lock(int fd, short kind) {
  struct flock wanted {};
  wanted.l_type = kind;
  wanted.l_whence = SEEK_SET;
  wanted.l_start = lock_byte;
  wanted.l_len = 1;
  if (::fcntl(fd, F_OFD_SETLK, &wanted) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  fail("cannot lock the database file");
}

}  // namespace

/// The state that all HeldFiles of one inode share. Guarded by the table's mutex.
struct HeldFile::Shared {
  Key key{};
  std::vector<std::unique_ptr<Descriptor>> descriptors;
  int readable = -1;
  int writable = -1;
  std::size_t holders = 0;
  bool locked = false;
};

struct HeldFile::Table {
  base::Mutex mutex;
  std::map<Key, std::shared_ptr<Shared>> files OPENEXEC_GUARDED_BY(mutex);

  std::shared_ptr<Shared> find(const std::optional<Key>& key, Access access) OPENEXEC_REQUIRES(mutex) {
    const auto found = key ? files.find(*key) : files.end();
    if (found == files.end()) return nullptr;
    const bool enough = access == Access::read || found->second->writable >= 0;
    return enough ? found->second : nullptr;
  }

  std::shared_ptr<Shared> open(const std::string& path, Access access) OPENEXEC_REQUIRES(mutex) {
    const int mode = access == Access::write ? O_RDWR : O_RDONLY;
    auto fd = std::make_unique<Descriptor>(::open(path.c_str(), mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (fd->get() < 0) fail("cannot open " + path);
    struct stat status {};
    if (::fstat(fd->get(), &status) != 0) fail("cannot look at " + path);
    if (!S_ISREG(status.st_mode)) throw StoreFailure(path + " is not a regular file");
    const Key key(status.st_dev, status.st_ino);
    const auto known = files.find(key);
    std::shared_ptr<Shared> shared = known != files.end() ? known->second : std::make_shared<Shared>();
    shared->key = key;
    shared->descriptors.reserve(shared->descriptors.size() + 1);
    files.try_emplace(key, shared);  // nothing fails from here on, so the table never keeps what was not opened
    shared->readable = fd->get();
    if (access == Access::write) shared->writable = fd->get();
    shared->descriptors.push_back(std::move(fd));
    return shared;
  }

  void let_go(const std::shared_ptr<Shared>& shared) noexcept OPENEXEC_REQUIRES(mutex) {
    if (--shared->holders > 0) return;
    files.erase(shared->key);
    shared->descriptors.clear();  // under the mutex: a new holder opens its connections after this
  }
};

// Every HeldFile keeps the table alive, since ledgers in static storage may be destroyed after this function's static.
std::shared_ptr<HeldFile::Table> HeldFile::table() {
  static const auto all = std::make_shared<Table>();
  return all;
}

HeldFile::HeldFile(const std::string& path, Access access) : table_(table()) {
  const base::Lock lock(table_->mutex);
  shared_ = table_->find(key_of(path), access);
  if (!shared_) shared_ = table_->open(path, access);
  ++shared_->holders;
  try {
    identity_ = identity_of(shared_->readable, path);
  } catch (...) {
    table_->let_go(shared_);
    throw;
  }
}

HeldFile::HeldFile(HeldFile&& other) noexcept
    : table_(std::move(other.table_)),
      shared_(std::exchange(other.shared_, nullptr)),
      identity_(std::move(other.identity_)),
      locked_(std::exchange(other.locked_, false)) {}

// The lock is released, and not only the descriptor closed: a reader of this process may keep the descriptor open.
HeldFile::~HeldFile() {
  if (!shared_) return;
  const base::Lock lock(table_->mutex);
  if (locked_) {
    shared_->locked = false;
    try {
      (void)set_lock(shared_->writable, F_UNLCK);
    } catch (...) {  // closing the last descriptor then releases it
    }
  }
  table_->let_go(shared_);
}

bool HeldFile::lock() {
  OPENEXEC_ASSERT(shared_->writable >= 0, "held file: one that is locked was opened for writing");
  const base::Lock lock(table_->mutex);
  if (shared_->locked || !set_lock(shared_->writable, F_WRLCK)) return false;
  shared_->locked = locked_ = true;
  return true;
}

const FileIdentity& HeldFile::identity() const noexcept { return identity_; }

}  // namespace openexec::store
