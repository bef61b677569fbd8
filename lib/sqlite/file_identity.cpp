// SPDX-License-Identifier: Apache-2.0
#include "sqlite/file_identity.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <charconv>

#include "sqlite/descriptor.hpp"

namespace openexec::store {
namespace {

constexpr std::string_view inode_name = "inode=";
constexpr std::string_view generation_name = "generation=";
constexpr std::string_view birth_name = "birth_ns=";

std::optional<std::uint32_t> generation_of(int fd) {
  long generation = 0;  // the kernel writes an int here, although the request's name says long
  if (::ioctl(fd, FS_IOC_GETVERSION, &generation) != 0) return std::nullopt;
  return static_cast<std::uint32_t>(generation);
}

/// Removes `NAME=NUMBER` from the front of `text`. Returns nullopt if something else is there.
template <class Number>
std::optional<Number> take(std::string_view& text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  const char* const begin = text.data() + name.size();
  const char* const end = text.data() + text.size();
  Number number{};
  const auto [behind, error] = std::from_chars(begin, end, number);
  if (error != std::errc() || (behind != end && *behind != ' ')) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(behind - text.data()) + (behind != end ? 1 : 0));
  return number;
}

}  // namespace

bool FileIdentity::is_same_file(const FileIdentity& other) const noexcept {
  const auto differ = [](const auto& mine, const auto& theirs) { return mine && theirs && *mine != *theirs; };
  return inode == other.inode && !differ(generation, other.generation) && !differ(birth_ns, other.birth_ns);
}

std::string FileIdentity::write() const {
  std::string text = std::string(inode_name) + std::to_string(inode);
  if (generation) text += ' ' + std::string(generation_name) + std::to_string(*generation);
  if (birth_ns) text += ' ' + std::string(birth_name) + std::to_string(*birth_ns);
  return text;
}

std::optional<FileIdentity> FileIdentity::parse(std::string_view text) {
  std::string_view rest = text;
  const auto inode = take<std::uint64_t>(rest, inode_name);
  if (!inode) return std::nullopt;
  FileIdentity identity;
  identity.inode = *inode;
  identity.generation = take<std::uint32_t>(rest, generation_name);
  identity.birth_ns = take<std::int64_t>(rest, birth_name);
  if (identity.write() != text) return std::nullopt;
  return identity;
}

FileIdentity identity_of(int fd, const std::string& path) {
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &status) != 0) fail("cannot look at " + path);
  FileIdentity identity;
  identity.inode = status.stx_ino;
  identity.generation = generation_of(fd);
  if ((status.stx_mask & STATX_BTIME) != 0)
    identity.birth_ns = status.stx_btime.tv_sec * std::int64_t{1'000'000'000} + status.stx_btime.tv_nsec;
  identity.device = makedev(status.stx_dev_major, status.stx_dev_minor);
  identity.path = path;
  return identity;
}

}  // namespace openexec::store
