# openexec_example(source [arguments...]): one small program, run by the tests; it exits with 0 only if what it shows
# happened. C++ programs link OpenExec::openexec, C programs OpenExec::c.
function(openexec_example source)
  string(REGEX REPLACE "[.]" "_" name "example_${source}")
  string(REGEX REPLACE "[.].*" "" program "${source}")
  add_executable(${name} ${source})
  if(source MATCHES "[.]c$")
    target_link_libraries(${name} PRIVATE OpenExec::c Threads::Threads)
    set_target_properties(${name} PROPERTIES OUTPUT_NAME ${program}_c C_STANDARD 11 C_EXTENSIONS OFF)
    openexec_c_warnings(${name})
  else()
    target_link_libraries(${name} PRIVATE OpenExec::openexec Threads::Threads)
    set_target_properties(${name} PROPERTIES OUTPUT_NAME ${program} CXX_EXTENSIONS OFF)
    openexec_warnings(${name})
  endif()
  if(OPENEXEC_BUILD_TESTS)
    add_test(NAME ${name} COMMAND ${name} ${ARGN})
    set_tests_properties(${name} PROPERTIES LABELS example TIMEOUT 120)
  endif()
endfunction()

openexec_example(01_echo.cpp)
openexec_example(05_tool_call.cpp)

openexec_example(02_restart.cpp "${CMAKE_CURRENT_BINARY_DIR}/02_restart.db")  # the run before the restart
if(OPENEXEC_BUILD_TESTS)
  set(ledger "${CMAKE_CURRENT_BINARY_DIR}/02_restart.db")
  add_test(NAME example_02_fresh_ledger COMMAND ${CMAKE_COMMAND} -E rm -f "${ledger}" "${ledger}-wal" "${ledger}-shm")
  add_test(NAME example_02_restart_cpp_again COMMAND example_02_restart_cpp "${ledger}")
  set_tests_properties(example_02_fresh_ledger PROPERTIES LABELS example FIXTURES_SETUP fresh_ledger)
  set_tests_properties(example_02_restart_cpp PROPERTIES FIXTURES_REQUIRED fresh_ledger FIXTURES_SETUP first_run
    PASS_REGULAR_EXPRESSION "the handler runs.*executed {\"charged\": true}")
  set_tests_properties(example_02_restart_cpp_again PROPERTIES LABELS example FIXTURES_REQUIRED first_run
    PASS_REGULAR_EXPRESSION "^replayed {\"charged\": true}")
endif()
