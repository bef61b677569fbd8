# SPDX-License-Identifier: Apache-2.0
# libsodium brings no package file for CMake: sodium::sodium. Installed beside OpenExec's own package file.
find_path(sodium_INCLUDE_DIR sodium.h)
find_library(sodium_LIBRARY sodium)
mark_as_advanced(sodium_INCLUDE_DIR sodium_LIBRARY)
if(sodium_INCLUDE_DIR)
  file(STRINGS "${sodium_INCLUDE_DIR}/sodium/version.h" sodium_VERSION REGEX "define SODIUM_VERSION_STRING")
  string(REGEX MATCH "[0-9.]+" sodium_VERSION "${sodium_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(sodium REQUIRED_VARS sodium_LIBRARY sodium_INCLUDE_DIR VERSION_VAR sodium_VERSION)
if(sodium_FOUND AND NOT TARGET sodium::sodium)
  add_library(sodium::sodium UNKNOWN IMPORTED)
  set_target_properties(sodium::sodium PROPERTIES IMPORTED_LOCATION "${sodium_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${sodium_INCLUDE_DIR}")
endif()
