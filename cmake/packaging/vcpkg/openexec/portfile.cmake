# SPDX-License-Identifier: Apache-2.0
# An overlay port, of the sources that it lies in: vcpkg install openexec --overlay-ports=cmake/packaging/vcpkg
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../../.." ABSOLUTE)

vcpkg_check_features(OUT_FEATURE_OPTIONS features FEATURES
  service OPENEXEC_BUILD_SERVICE
  patterns OPENEXEC_WITH_RE2)
string(COMPARE EQUAL "${VCPKG_LIBRARY_LINKAGE}" dynamic shared)

# The C++ library is static and the C library shared, whatever the triplet says; a static triplet goes without the latter.
vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}" OPTIONS ${features}
  -DOPENEXEC_BUILD_C=${shared}
  -DOPENEXEC_BUILD_TOOLS=OFF -DOPENEXEC_BUILD_EXAMPLES=OFF -DOPENEXEC_BUILD_TESTS=OFF -DOPENEXEC_BUILD_BENCH=OFF
  -DOPENEXEC_INSTALL=ON)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME OpenExec CONFIG_PATH lib/cmake/OpenExec)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
