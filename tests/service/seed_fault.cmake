# SPDX-License-Identifier: Apache-2.0
# cmake -DFROM=file -DTO=file -DRIGHT=text -DWRONG=text -P seed_fault.cmake: writes a copy of a source in which one text is
# another. The text must be there exactly once, so that a fault never seeds nothing.
file(READ "${FROM}" source)
string(FIND "${source}" "${RIGHT}" first)
string(FIND "${source}" "${RIGHT}" last REVERSE)
if(first EQUAL -1 OR NOT first EQUAL last)
  message(FATAL_ERROR "${FROM}: not exactly once: ${RIGHT}")
endif()
string(REPLACE "${RIGHT}" "${WRONG}" source "${source}")
file(WRITE "${TO}" "${source}")
