// SPDX-License-Identifier: Apache-2.0
// Files outside of SQLite. The functions throw StoreFailure if a system call fails.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>

#include "base/descriptor.hpp"

namespace openexec::store {

[[noreturn]] void fail(const std::string& step, int error = errno);  ///< throws StoreFailure with the system's reason

using base::Descriptor;

std::string folder_of(const std::string& path);
/// Makes the directory entries of a folder durable.
void sync_folder(const std::string& folder);
void remove_if_there(const std::string& path);
/// `path` is the file that a failure names.
void write_all(int fd, std::string_view bytes, const std::string& path);
/// Fills `bytes` from the beginning of the file, and shortens it if the file is shorter.
void read_from_start(int fd, std::string& bytes, const std::string& path);

/// Creates a file of mode 0600 with these bytes, durably. Returns false if the file exists.
bool create_file(const std::string& path, std::string_view bytes);
/// Reads a regular file that is not reached through a symbolic link. Returns false if there is no file. A file of more
/// than `most` bytes is a failure.
bool read_file(const std::string& path, std::size_t most, std::string& bytes);

}  // namespace openexec::store
