# SPDX-License-Identifier: Apache-2.0
# openexec_warnings(target): the warnings that the whole house is built under. Optimising g++ 12 finds -Wrestrict in
# every `"text" + std::string` (GCC bug 105651).
function(openexec_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
    -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wcast-align -Wimplicit-fallthrough
    $<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
    $<$<CXX_COMPILER_ID:Clang>:-Wno-missing-field-initializers>
    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)  # of base/mutex.hpp
  if(OPENEXEC_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# The same for C sources.
function(openexec_c_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes)
  if(OPENEXEC_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
