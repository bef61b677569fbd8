// SPDX-License-Identifier: Apache-2.0
//! An action that an AI agent proposes runs only if an approver approved it, runs at most once, and leaves evidence.
//!
//! This crate is the Rust side of OpenExec, on `libopenexec.so`. An [`Executor`] takes [`Request`]s, asks its verifier
//! who approved them, runs each at most once, also across crashes, and answers with an [`Outcome`] whose portable
//! receipt anybody can verify.
//!
//! ```
//! use openexec::{Executor, Request};
//!
//! # fn main() -> Result<(), openexec::Error> {
//! let executor = Executor::builder()
//!     .ledger_url("sqlite://") // in memory; ledger_path("ledger.db") is one that lasts
//!     .demo() // WEAK: everybody may run everything. clawshield() and trust_policy() ask for signed approvals
//!     .handler("send_email", |call| Ok(format!(r#"{{"sent_for":"{}"}}"#, call.exec_id())))
//!     .open()?;
//! let outcome = executor.execute(&Request::new("send_email", r#"{"to":"ada@example.com"}"#, "order-1001"))?;
//! outcome.verify()?;
//! # Ok(())
//! # }
//! ```
//!
//! - [`Executor`], [`Builder`]: the boundary, and how it is to be
//! - [`Request`], [`Outcome`], [`Error`]: what goes in, what comes out, and the four kinds of no
//! - [`handler`]: what runs, once it is approved
//! - [`parts`]: stores, logs, verifiers, hashers and clocks of your own
//! - [`evidence`], [`Log`], [`Proposal`]: what can be read and verified with or without an executor
//!
//! **Threads.** An executor is shared by reference or `Arc` among any number of threads. Calls block until their answer
//! is durable. Handlers run on the thread that called.
//!
//! **Panics.** A handler that panics leaves its nonce in doubt, and never runs again under it. A store, a log or a
//! verifier that panics has said no. A hasher or a clock cannot say no: one that panics ends the process. What a panic
//! prints is the panic hook's: its text enters no log.
//!
//! **Forks.** In the child of a fork an executor or a log answers [`Code::InvalidArgument`].
#![warn(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]

mod codes;
mod error;
mod executor;
mod log;
mod outcome;
mod raw;
mod request;
mod tables;
mod tool_call;

pub mod evidence;
pub mod handler;
pub mod parts;

pub use codes::{advice, Code, Control, Effect, EventKind, Kind, Limit, ResultForm, Verdict};
pub use error::{Error, No};
pub use evidence::{read_trust_policy, verify_clawshield_v1, verify_receipt, verify_trust_policy, Evidence};
pub use executor::{Builder, Cancellation, ControlName, Event, Executor, Order, Recovery, Work};
pub use handler::{Failure, Handler, Invocation};
pub use log::{Log, LogLine};
pub use outcome::Outcome;
pub use request::{canonicalise, sha256, Digest, Form, Proposal, Request, Wait};
pub use tool_call::{tool_call_nonce, Turn};

/// The library that is running, such as `"0.1.0"`.
pub fn version() -> &'static str {
    // SAFETY: the view lives as long as the library.
    unsafe { raw::text(openexec_sys::openexec_version()) }
}

/// Whether the library that is running has something: `"sqlite"`, `"clawshield-v1"`, `"trust-policy"`,
/// `"transparency-log"`, `"evidence"`, `"events"`, `"payload-schema"`, `"payload-schema-patterns"`,
/// `"tool-call-nonce"`. An unknown name is a feature that is absent.
pub fn has_feature(name: &str) -> bool {
    // SAFETY: a view of a live string.
    unsafe { openexec_sys::openexec_has_feature(raw::view(name)) == 1 }
}
