#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Conan recipe makes a package, and an outsider builds against it. What OpenExec stands on comes from the system, so
# that nothing is fetched but Conan itself.
#   conan_test.sh SOURCES      Exit 77, and why, where Conan cannot be had.
set -euo pipefail
sources=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'conan>=2.9,<3' 2>"$folder/pip.log" || { tail -1 "$folder/pip.log"; echo "SKIPPED: no Conan here"; exit 77; }
export PATH=$folder/venv/bin:$PATH CONAN_HOME=$folder/home
conan profile detect >/dev/null 2>&1
cat >>"$folder/home/profiles/default" <<'PROFILE'
[platform_requires]
openssl/3.0.19
sqlite3/3.40.1
simdjson/3.0.1
PROFILE
sed -i 's/^compiler.cppstd=.*/compiler.cppstd=20/' "$folder/home/profiles/default"
# What is tested is the recipe, not the optimiser and not the debugger's tables, which take most of the time.
conan create "$sources/cmake/packaging/conan" -s build_type=Debug \
  -c 'tools.cmake.cmaketoolchain:extra_variables={"CMAKE_CXX_FLAGS_DEBUG": "-O0", "CMAKE_C_FLAGS_DEBUG": "-O0"}' -c "tools.cmake.cmake_layout:test_folder=$folder/test" \
  >"$folder/create.log" 2>&1 ||
  { tail -40 "$folder/create.log"; echo "FAILED: conan create"; exit 1; }
for program in outsider_cpp outsider_c; do
  grep -A1 "RUN: ./$program" "$folder/create.log" || { echo "FAILED: $program did not run"; exit 1; }
done
echo "the recipe's package serves an outsider"
