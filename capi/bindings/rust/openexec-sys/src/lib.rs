// SPDX-License-Identifier: Apache-2.0
//! `openexec.h`, the C ABI of OpenExec, as Rust declares it. The header documents every function and every struct:
//! ownership, threads, errors. Programs use the `openexec` crate, which keeps its laws by types.
//!
//! `bindings.rs` is made by `bindings.py`, which also holds it against the header with a C compiler.
#![no_std]
#![allow(non_camel_case_types, missing_docs)]

include!("bindings.rs");
