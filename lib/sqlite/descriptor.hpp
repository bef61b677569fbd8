// SPDX-License-Identifier: Apache-2.0
// Files outside of SQLite: calls that either work or throw.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>

#include "base/descriptor.hpp"

namespace openexec::store {

[[noreturn]] void fail(const std::string& step, int error = errno);  ///< throws StoreFailure with the system's reason

using base::Descriptor;

std::string folder_of(const std::string& path);
/// Makes the names in a folder durable.
void sync_folder(const std::string& folder);
void remove_if_there(const std::string& path);
/// `path`: what a failure is said of.
void write_all(int fd, std::string_view bytes, const std::string& path);
/// Fills `bytes` from the beginning of the file, and shortens it to what there is.
void read_from_start(int fd, std::string& bytes, const std::string& path);

/// Makes a file of mode 0600 that was not there, with these bytes, durably. False where there is one.
bool create_file(const std::string& path, std::string_view bytes);
/// All bytes of a regular file, which is not reached through a symbolic link; nothing where there is none. `most`: more
/// bytes are a failure.
bool read_file(const std::string& path, std::size_t most, std::string& bytes);

}  // namespace openexec::store
