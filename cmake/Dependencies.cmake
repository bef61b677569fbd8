# SPDX-License-Identifier: Apache-2.0
# What the house stands on. An installed package is used; simdjson, CLI11 and Catch2 are fetched, pinned and hashed, where
# they are not installed. FETCHCONTENT_FULLY_DISCONNECTED=ON forbids that.
if(POLICY CMP0167)
  cmake_policy(SET CMP0167 NEW)  # Boost by its own package file
endif()

include(Fetch)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# OPENSSL_ROOT_DIR may name an AWS-LC, which calls itself OpenSSL 1.1.1. Whoever links OpenExec needs the same of the
# two: the packages that are installed ask for these versions again.
set(OPENEXEC_OPENSSL_VERSION 3.0)
set(OPENEXEC_PKG_CONFIG_CRYPTO "libcrypto >= 3.0")
find_package(OpenSSL QUIET)
if(EXISTS "${OPENSSL_INCLUDE_DIR}/openssl/base.h")
  file(STRINGS "${OPENSSL_INCLUDE_DIR}/openssl/base.h" awslc REGEX "define OPENSSL_IS_AWSLC")
  if(awslc)
    set(OPENEXEC_OPENSSL_VERSION 1.1.1...<3)
    set(OPENEXEC_PKG_CONFIG_CRYPTO "libcrypto >= 1.1.1, libcrypto < 3")
  endif()
endif()
openexec_need(OpenSSL ${OPENEXEC_OPENSSL_VERSION} libssl-dev)
set(OPENEXEC_CRYPTO_LIBRARIES OpenSSL::Crypto)

if(OPENEXEC_ED25519 STREQUAL "sodium")
  openexec_need(sodium 1.0.18 libsodium-dev)
  list(APPEND OPENEXEC_CRYPTO_LIBRARIES sodium::sodium)
  string(APPEND OPENEXEC_PKG_CONFIG_CRYPTO ", libsodium >= 1.0.18")
elseif(NOT OPENEXEC_ED25519 STREQUAL "openssl")
  message(FATAL_ERROR "OPENEXEC_ED25519 is openssl or sodium, not '${OPENEXEC_ED25519}'")
endif()

openexec_need(SQLite3 3.40 libsqlite3-dev)
openexec_need_or_fetch(simdjson 3.0 libsimdjson-dev 3.10.1
  https://github.com/simdjson/simdjson/archive/refs/tags/v3.10.1.tar.gz
  1e8f881cb2c0f626c56cd3665832f1e97b9d4ffc648ad9e1067c134862bba060)

# Regular expressions of payload schemas. Without them a schema with a pattern is refused when it is compiled.
set(OPENEXEC_RE2_LIBRARIES "")
set(OPENEXEC_PKG_CONFIG_RE2 "")
if(OPENEXEC_WITH_RE2)
  find_package(re2 MODULE QUIET)
  if(re2_FOUND)
    set(OPENEXEC_RE2_LIBRARIES re2::re2)
    set(OPENEXEC_PKG_CONFIG_RE2 ", re2")
  else()
    message(STATUS "OpenExec: RE2 is not installed, so payload schemas with `pattern` will be refused "
                   "(on Debian or Ubuntu: apt install libre2-dev)")
  endif()
endif()

if(OPENEXEC_BUILD_SERVICE OR OPENEXEC_BUILD_TOOLS)
  openexec_need(Boost 1.81 "libboost-dev (Debian 12: libboost1.81-dev)")
endif()
if(OPENEXEC_BUILD_TOOLS OR OPENEXEC_BUILD_BENCH)
  openexec_need_or_fetch(CLI11 2.1 libcli11-dev 2.4.2
    https://github.com/CLIUtils/CLI11/archive/refs/tags/v2.4.2.tar.gz
    f2d893a65c3b1324c50d4e682c0cdc021dd0477ae2c048544f39eed6654b699a)
endif()
if(OPENEXEC_BUILD_TESTS)
  find_package(sodium 1.0.18 QUIET)  # the tests try both
  openexec_need_or_fetch(Catch2 2.13 catch2 3.6.0
    https://github.com/catchorg/Catch2/archive/refs/tags/v3.6.0.tar.gz
    485932259a75c7c6b72d4b874242c489ea5155d17efa345eb8cc72159f49f356)
endif()
