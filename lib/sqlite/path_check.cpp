// SPDX-License-Identifier: Apache-2.0
#include "sqlite/path_check.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <filesystem>
#include <system_error>

#include "sqlite/descriptor.hpp"
#include "sqlite/guard.hpp"

namespace openexec::store {
namespace {

void tell(const PathRules& rules, const std::string& finding) {
  if (rules.warn) rules.warn(finding);
}

/// Nobody writes through a mount that is read only, whatever the modes say.
bool is_read_only(const std::string& path) {
  struct statvfs status {};
  return ::statvfs(path.c_str(), &status) == 0 && (status.f_flag & ST_RDONLY) != 0;
}

void check_mode(const std::string& what, const std::string& path, mode_t mode, const PathRules& rules) {
  const bool is_folder = S_ISDIR(mode);
  const bool sticky = is_folder && (mode & S_ISVTX) != 0;
  if ((mode & S_IWOTH) != 0 && !sticky) {
    const std::string finding = what + ": every user may write " + path + "; run chmod o-w" +
                                (is_folder ? ", or choose a folder of the service's own" : "");
    if (!rules.others_may_write) throw StoreFailure(finding);
    return tell(rules, finding);
  }
  if ((mode & S_IWGRP) != 0 && !sticky) tell(rules, what + ": its group may write " + path);
}

std::string resolved(const std::string& path) {
  std::error_code error;
  const auto full = std::filesystem::canonical(path, error);
  return error ? path : full.string();
}

/// Returns nullopt if the kernel does not tell.
std::optional<std::uint64_t> mount_of(const std::string& path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &status) != 0) fail("cannot look at " + path);
  if ((status.stx_mask & STATX_MNT_ID) == 0) return std::nullopt;
  return status.stx_mnt_id;
}

}  // namespace

void check_file_writers(std::string_view what, const std::string& path, const PathRules& rules) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (!is_read_only(path)) check_mode(std::string(what), path, status.st_mode, rules);
  } else if (errno != ENOENT) {
    fail("cannot look at " + path);
  }
}

void check_writers(std::string_view what, const std::string& path, const PathRules& rules) {
  const std::string file = resolved(path);
  check_file_writers(what, folder_of(file), rules);
  check_file_writers(what, file, rules);
}

void check_file_system(std::string_view what, const std::string& path, const PathRules& rules) {
  const std::string folder = folder_of(path);
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0) fail("cannot ask for the file system of " + folder);
  const auto name = unsafe_file_system(static_cast<std::uint64_t>(status.f_type) & 0xffff'ffff);
  if (!name) return;
  const std::string finding =
      std::string(what) + ": " + folder + " lies on " + std::string(*name) +
      ", whose locks may let two executors in and whose syncs may promise nothing; use a local " + "file system";
  if (!rules.unsafe_file_system) throw StoreFailure(finding);
  tell(rules, finding);
}

void check_mount(std::string_view what, const std::string& path) {
  const auto file = mount_of(path);
  const auto folder = mount_of(folder_of(path));
  if (file && folder && *file != *folder)
    throw StoreFailure(std::string(what) + ": the file " + path +
                       " is a mount point of its own, so that it has several names; mount its folder instead");
}

std::optional<std::string_view> unsafe_file_system(std::uint64_t magic) noexcept {
  switch (magic) {
    case 0x6969: return "NFS";
    case 0x517b: return "SMB";
    case 0xff534d42: return "CIFS";
    case 0xfe534d42: return "SMB2";
    case 0x65735546: return "FUSE or virtiofs";
    case 0x01021997: return "9p";
    default: return std::nullopt;
  }
}

}  // namespace openexec::store
