# SPDX-License-Identifier: Apache-2.0
# Debian packages by CPack, one for each component: libopenexec1, libopenexec-dev, openexec-tools. cmake/packaging/deb.sh
# builds them as they are meant to be.
if(NOT OPENEXEC_BUILD_C OR NOT OPENEXEC_BUILD_TOOLS)
  return()
endif()
set(deb "${PROJECT_SOURCE_DIR}/cmake/packaging/deb")
set(library libopenexec1)
set(development libopenexec-dev)
set(programs openexec-tools)

# Debian wants to know of each package whose it is and what changed, and the second one compressed without a date.
execute_process(COMMAND gzip -9nc "${deb}/changelog" OUTPUT_FILE "${PROJECT_BINARY_DIR}/changelog.gz"
  COMMAND_ERROR_IS_FATAL ANY)
foreach(component library development programs)
  install(FILES "${deb}/copyright" "${PROJECT_BINARY_DIR}/changelog.gz" DESTINATION "share/doc/${${component}}"
    COMPONENT ${component})
endforeach()

set(examples "${PROJECT_SOURCE_DIR}/cmake/packaging")
install(FILES "${examples}/systemd/openexecd.service" "${examples}/proxies/nginx.conf" "${examples}/proxies/haproxy.cfg"
  "${examples}/proxies/envoy.yaml"
  DESTINATION "share/doc/${programs}/examples" COMPONENT programs)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME openexec)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "deterministic execution boundary for AI agents")
set(CPACK_PACKAGE_VENDOR OpenExec)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The OpenExec developers <maintainers@openexec.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
  WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL library development programs)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")

set(about "OpenExec runs what an AI agent proposes only if somebody else approved it,
runs it at most once, also across crashes, and leaves evidence of every
attempt that a stranger can verify.
")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME ${library})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "${about}
This package has the shared library with the C ABI.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME ${development})
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "${library} (= ${PROJECT_VERSION}), libssl-dev (>= 3.0), libsqlite3-dev (>= 3.40), libsimdjson-dev")
if(OPENEXEC_RE2_LIBRARIES)
  string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", libre2-dev")
endif()
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "${about}
This package has the headers for C and C++, the static C++ libraries, and
the files by which CMake and pkg-config find them.")
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME ${programs})
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PROGRAMS_DESCRIPTION "${about}
This package has the HTTP service openexecd, the command lines openexec and
openexec-approve, and openexec-witness.")

# ldconfig runs when the library comes and goes.
file(WRITE "${PROJECT_BINARY_DIR}/triggers" "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA "${PROJECT_BINARY_DIR}/triggers")

# Static libraries go without debug information, as Debian's do.
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/strip_static.cmake" @ONLY CONTENT [[
file(GLOB_RECURSE archives "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*.a")
foreach(archive IN LISTS archives)
  execute_process(COMMAND "@CMAKE_STRIP@" --strip-debug --enable-deterministic-archives "${archive}" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
]])
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_BINARY_DIR}/strip_static.cmake")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
