# SPDX-License-Identifier: Apache-2.0
# Install rules: libraries, headers, programs, and the files by which others find them. In three components: library
# (what a program needs to run), development (what it needs to be built) and programs.
include(CMakePackageConfigHelpers)
add_custom_target(openexec_installed)  # builds what is installed, and no more
set(OPENEXEC_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/OpenExec")

# openexec_export(component): installs OpenExec::<component> and its target file. Each is apart, so that a C program does
# not need the development packages of the C++ library.
function(openexec_export component)
  if(NOT TARGET OpenExec::${component})
    return()
  endif()
  get_target_property(target OpenExec::${component} ALIASED_TARGET)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${component})
  add_dependencies(openexec_installed ${target})
  install(TARGETS ${target} EXPORT OpenExec-${component}
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT library NAMELINK_COMPONENT development)
  install(EXPORT OpenExec-${component} NAMESPACE OpenExec:: DESTINATION "${OPENEXEC_PACKAGE_DIR}" COMPONENT development)
endfunction()

# openexec_pkg_config(target name description requires libs): one .pc file, relative to where it lies.
function(openexec_pkg_config target name description requires libs)
  if(NOT TARGET ${target})
    return()
  endif()
  configure_file("${PROJECT_SOURCE_DIR}/cmake/pkgconfig.in" "${PROJECT_BINARY_DIR}/${name}.pc.in" @ONLY)
  file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/${name}.pc" INPUT "${PROJECT_BINARY_DIR}/${name}.pc.in")
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
    COMPONENT development)
endfunction()

# The contract of stores, as a suite of headers alone, for projects that have a store of their own.
add_library(openexec_store_contract INTERFACE)
target_link_libraries(openexec_store_contract INTERFACE openexec)
add_library(OpenExec::store_contract ALIAS openexec_store_contract)

foreach(component openexec c service signing store_contract)
  openexec_export(${component})
endforeach()

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  COMPONENT development FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

# One copy, where whoever unpacks the installation looks; Debian's packages name the licence in their copyright file.
if(PROJECT_IS_TOP_LEVEL)
  install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "share/doc/openexec" COMPONENT licence)
endif()

foreach(program openexecd openexec_cli openexec_approve openexec_witness_program)
  if(TARGET ${program})
    add_dependencies(openexec_installed ${program})
    install(TARGETS ${program} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT programs)
  endif()
endforeach()

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/config.in" "${PROJECT_BINARY_DIR}/OpenExecConfig.cmake"
  INSTALL_DESTINATION "${OPENEXEC_PACKAGE_DIR}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/OpenExecConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/OpenExecConfig.cmake" "${PROJECT_BINARY_DIR}/OpenExecConfigVersion.cmake"
  DESTINATION "${OPENEXEC_PACKAGE_DIR}" COMPONENT development)
if(OPENEXEC_RE2_LIBRARIES)
  install(FILES "${PROJECT_SOURCE_DIR}/cmake/Findre2.cmake" DESTINATION "${OPENEXEC_PACKAGE_DIR}" COMPONENT development)
endif()
if(OPENEXEC_ED25519 STREQUAL "sodium")
  install(FILES "${PROJECT_SOURCE_DIR}/cmake/Findsodium.cmake" DESTINATION "${OPENEXEC_PACKAGE_DIR}" COMPONENT development)
endif()

file(RELATIVE_PATH OPENEXEC_PREFIX_FROM_PC "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
# A static library needs what it stands on in every link, hence in Requires. It is named by its file, since the shared
# one may lie beside it.
openexec_pkg_config(OpenExec::openexec openexec "${PROJECT_DESCRIPTION} (C++, static)"
  "${OPENEXEC_PKG_CONFIG_CRYPTO}, sqlite3, simdjson${OPENEXEC_PKG_CONFIG_RE2}" "\${libdir}/$<TARGET_FILE_NAME:OpenExec::openexec> -pthread")
openexec_pkg_config(OpenExec::service openexec-service "The HTTP front of OpenExec (C++, static)"
  "openexec, libssl" "\${libdir}/$<TARGET_FILE_NAME:OpenExec::service> -pthread")
openexec_pkg_config(OpenExec::signing openexec-signing "Approvals for OpenExec (C++, static)"
  "${OPENEXEC_PKG_CONFIG_CRYPTO}, simdjson" "\${libdir}/$<TARGET_FILE_NAME:OpenExec::signing> -pthread")
openexec_pkg_config(OpenExec::c openexec-c "${PROJECT_DESCRIPTION} (C, shared)"
  "" "-L\${libdir} -l$<TARGET_FILE_BASE_NAME:OpenExec::c>")
