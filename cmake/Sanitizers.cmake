# SPDX-License-Identifier: Apache-2.0
# One switch for all targets, since sanitizers must agree across a program.
if(OPENEXEC_SANITIZE)
  add_compile_options(-fsanitize=${OPENEXEC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${OPENEXEC_SANITIZE})
endif()
