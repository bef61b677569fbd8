// SPDX-License-Identifier: Apache-2.0
//! What runs, once it is approved.

use crate::raw::text;
use openexec_sys as sys;
use std::time::Duration;

/// What a handler says where it has no result. Its text is told to the caller and to each replay, and enters no log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It failed, and the handler knows that nothing happened; final.
    NoEffect(String),
    /// It failed, and may have done something; final.
    Failed(String),
    /// It may have taken place; never run again.
    InDoubt(String),
}

/// One call of a handler.
#[derive(Clone, Copy)]
pub struct Invocation<'a>(&'a sys::openexec_invocation);

// SAFETY: an invocation is only read, and its flag may be looked at from any thread.
unsafe impl Send for Invocation<'_> {}
// SAFETY: as above.
unsafe impl Sync for Invocation<'_> {}

impl<'a> Invocation<'a> {
    pub(crate) fn new(call: &'a sys::openexec_invocation) -> Self {
        Self(call)
    }

    /// 64 hexadecimal digits, the same on every attempt: pass it downstream as the idempotency key.
    pub fn exec_id(&self) -> &'a str {
        // SAFETY: the views live until the handler returns, and so does `'a`.
        unsafe { text(self.0.exec_id) }
    }

    /// The action.
    pub fn action(&self) -> &'a str {
        // SAFETY: as above.
        unsafe { text(self.0.action) }
    }

    /// The RFC 8785 form of what was approved.
    pub fn payload(&self) -> &'a str {
        // SAFETY: as above.
        unsafe { text(self.0.payload) }
    }

    /// Whose call this is.
    pub fn tenant(&self) -> &'a str {
        // SAFETY: as above.
        unsafe { text(self.0.tenant) }
    }

    /// When the host stops caring, in nanoseconds on the executor's monotonic clock. A handler is never interrupted.
    pub fn deadline_ns(&self) -> i64 {
        self.0.deadline_ns
    }

    /// 1, or which further attempt this is ([`Handler::retry_none`]).
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// Whether the caller's [`crate::Cancellation`] was set. It stops nothing by itself.
    pub fn cancelled(&self) -> bool {
        // SAFETY: lives until the handler returns; null is "not set".
        unsafe { sys::openexec_cancellation_cancelled(self.0.cancellation) == 1 }
    }
}

/// An interrupted call, of which a handler knows or finds out whether it took place.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Settlement<'a> {
    pub exec_id: &'a str,
    pub action: &'a str,
    pub tenant: &'a str,
}

/// What is asked for its cost.
#[derive(Clone, Copy)]
pub struct CostQuery<'a> {
    /// The action.
    pub action: &'a str,
    /// RFC 8785 form.
    pub payload: &'a str,
    /// Whose call it would be.
    pub tenant: &'a str,
}

/// What an action runs. Closures are handlers by [`crate::Builder::handler`]; this is for those that can also
/// reconcile, or tell what they cost.
pub trait Handler: Send + Sync + 'static {
    /// Runs the action, on the thread that called execute; concurrently with itself when several threads call. Answers
    /// the result: one strict JSON value as text. Any other text took place as well, and is kept whole
    /// ([`crate::ResultForm`]).
    fn run(&self, call: &Invocation<'_>) -> Result<String, Failure>;

    /// Asked on recovery whether an interrupted action took place; never runs it. The result: yes;
    /// [`Failure::NoEffect`]: no; everything else: unknown.
    fn reconcile(&self, _settlement: &Settlement<'_>) -> Result<String, Failure> {
        Err(Failure::InDoubt("the handler cannot reconcile".into()))
    }

    /// What an execution would cost, in millionths of a US dollar. Asked before anything is claimed, and only where the
    /// approval names a highest cost; an error refuses it. Runs nothing.
    fn cost(&self, _query: &CostQuery<'_>) -> Result<i64, String> {
        Err("the handler tells no cost".into())
    }

    /// What a payload of this action has to look like: a JSON Schema (`docs/formats.md`, section 12). It is compiled when
    /// the handler is registered, and an executor with one that cannot be checked does not open. A payload that does not
    /// satisfy it is refused with [`crate::Code::PayloadSchema`] before its approval is looked at.
    fn payload_schema(&self) -> Option<String> {
        None
    }

    /// How many further attempts an execution has where one ended with [`Failure::NoEffect`]: the same request, sent again
    /// under the same approval, is admitted anew and runs again. At most 1,000.
    fn retry_none(&self) -> u32 {
        0
    }

    /// After how long the host stops caring, in whole milliseconds; becomes [`Invocation::deadline_ns`].
    fn deadline(&self) -> Duration {
        Duration::from_secs(30)
    }
}

pub(crate) struct Closure<F>(pub(crate) F);

impl<F> Handler for Closure<F>
where
    F: Fn(&Invocation<'_>) -> Result<String, Failure> + Send + Sync + 'static,
{
    fn run(&self, call: &Invocation<'_>) -> Result<String, Failure> {
        (self.0)(call)
    }
}
