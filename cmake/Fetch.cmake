# SPDX-License-Identifier: Apache-2.0
# Finds a package that is installed, or fetches a pinned and hashed source of it.
include(FetchContent)

# openexec_need(package version "what Debian calls it"): present and new enough, or a message that says what to do.
macro(openexec_need package version debian)
  find_package(${package} ${version} QUIET)
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "OpenExec needs ${package} ${version} or newer, with its headers. "
                        "On Debian or Ubuntu: apt install ${debian}")
  endif()
endmacro()

# openexec_need_or_fetch(package version "what Debian calls it" fetched url sha256): the same; where it is not installed,
# the version `fetched` comes from source.
# The version is compared here, since simdjson's package file calls every other minor version incompatible.
macro(openexec_need_or_fetch package version debian fetched url sha256)
  find_package(${package} QUIET)
  if(NOT ${package}_FOUND OR ${package}_VERSION VERSION_LESS ${version})
    message(STATUS "OpenExec: ${package} ${version} or newer is not installed; fetching ${fetched} "
                   "(on Debian or Ubuntu, apt install ${debian} spares that)")
    openexec_fetch(${package} "${url}" ${sha256})
    set(${package}_VERSION ${fetched})
  endif()
endmacro()

# SYSTEM stands before the URL, because CMake 3.25 reads it as a part of the hash where it stands behind it.
function(openexec_fetch package url sha256)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)  # it may end up in the shared library
  FetchContent_Declare(${package} SYSTEM URL "${url}" URL_HASH SHA256=${sha256} DOWNLOAD_EXTRACT_TIMESTAMP ON)
  FetchContent_MakeAvailable(${package})
endfunction()
