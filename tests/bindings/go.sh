#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# go.sh SOURCE LIBRARY FOLDER SANITIZE COMPILER WHAT BUILD: the tests of the Go binding, with a library that is installed
# from BUILD. Exits with 77 where there is no Go. It needs no module but its own.
#   suite    gofmt, vet, and all tests
#   race     all tests with Go's race detector, and with its checks of what crosses into C
#   threads  those with 64 goroutines alone
#   readme   the README's quick start in an empty folder
set -euo pipefail
source=$1 folder=$3 what=$6 build=$7
binding=$source/capi/bindings/go
mkdir -p "$folder"
if ! command -v go >/dev/null && [ -x /usr/local/go/bin/go ]; then PATH=$PATH:/usr/local/go/bin; fi
command -v go >/dev/null || { echo "SKIPPED: no Go here"; exit 77; }

rm -rf "$folder/prefix"
cmake --install "$build" --prefix "$folder/prefix" >"$folder/install.log"
export PKG_CONFIG_PATH=$folder/prefix/lib/pkgconfig LD_LIBRARY_PATH=$folder/prefix/lib
# Go's cache does not ask pkg-config again where the library is, but it knows this.
export CGO_LDFLAGS="-O2 -g -L$folder/prefix/lib"
export OPENEXEC_VECTORS=${OPENEXEC_VECTORS:-$source/tests/vectors} GOFLAGS=-buildvcs=false GOTOOLCHAIN=local GOPROXY=off
if [ "$what" != readme ]; then cd "$binding"; fi
case $what in
  suite)
    unformatted=$(gofmt -l .)
    if [ -n "$unformatted" ]; then echo "gofmt: $unformatted"; exit 1; fi
    go vet ./...
    exec go test -count=1 ./... ;;
  race)
    go test -count=1 -race ./...
    GOEXPERIMENT=cgocheck2 exec go test -count=1 ./... ;;
  threads) exec go test -count=1 -timeout 30m -run 64Goroutines -v ./... ;;
  readme)
    export SOURCE=$source PREFIX=$folder/prefix
    unset PKG_CONFIG_PATH LD_LIBRARY_PATH CGO_LDFLAGS OPENEXEC_VECTORS
    exec python3 "$source/tests/bindings/readme.py" "$binding/README.md" "$folder/empty" ;;
  *) echo "go.sh: $what?" >&2; exit 2 ;;
esac
