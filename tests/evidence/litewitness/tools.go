// SPDX-License-Identifier: Apache-2.0

//go:build tools

// The program that the test runs, so that go.mod and go.sum name all that it needs.
package main

import _ "filippo.io/torchwood/cmd/litewitness"
