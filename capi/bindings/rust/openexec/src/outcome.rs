// SPDX-License-Identifier: Apache-2.0
//! The answer to one attempt.

use crate::codes::{Code, Effect, ResultForm, Verdict};
use crate::error::{Error, No};
use crate::raw::{text, Owned};
use openexec_sys as sys;
use std::fmt;

/// The answer to one attempt, every no included. Its log entry is evidence of it.
pub struct Outcome(Owned<sys::openexec_outcome>);

// SAFETY: nothing changes an outcome, and any handle may be read by several threads at once.
unsafe impl Send for Outcome {}
// SAFETY: as above.
unsafe impl Sync for Outcome {}

macro_rules! views {
    ($($(#[$about:meta])* $name:ident $function:ident,)*) => {$(
        $(#[$about])*
        pub fn $name(&self) -> &str {
            // SAFETY: the view lives as long as the handle.
            unsafe { text(sys::$function(self.0.get())) }
        }
    )*};
}

impl Outcome {
    pub(crate) fn new(handle: Owned<sys::openexec_outcome>) -> Self {
        Self(handle)
    }

    /// What happened: [`Code::Ok`] only if the action was approved, ran and returned a result, now or in the attempt
    /// that this one replays.
    pub fn code(&self) -> Code {
        // SAFETY: a live handle.
        Code::from_raw(unsafe { sys::openexec_outcome_code(self.0.get()) })
    }

    /// The HTTP status for it.
    pub fn http(&self) -> i32 {
        // SAFETY: a live handle.
        unsafe { sys::openexec_outcome_http(self.0.get()) }
    }

    /// How the attempt ended.
    pub fn verdict(&self) -> Verdict {
        // SAFETY: a live handle.
        Verdict::from_raw(unsafe { sys::openexec_outcome_verdict(self.0.get()) })
    }

    /// What became of the action in the world.
    pub fn effect(&self) -> Effect {
        // SAFETY: a live handle.
        Effect::from_raw(unsafe { sys::openexec_outcome_effect(self.0.get()) })
    }

    /// What a model that proposed the action is told: whether it ran, whether it may be tried again, and how.
    pub fn advice(&self) -> &'static str {
        // SAFETY: the view lives as long as the library.
        unsafe { text(sys::openexec_outcome_advice(self.0.get())) }
    }

    /// What the result is: the JSON that the handler gave, or an object that carries what else it said.
    pub fn result_form(&self) -> ResultForm {
        // SAFETY: a live handle.
        ResultForm::from_raw(unsafe { sys::openexec_outcome_result_form(self.0.get()) })
    }

    /// Which attempt of its execution ran, or is told again; 1 where none is.
    pub fn attempt(&self) -> u32 {
        // SAFETY: a live handle.
        unsafe { sys::openexec_outcome_attempt(self.0.get()) }
    }

    /// Whether nothing happened and the handler permits a further attempt: the same request, sent again, may run.
    pub fn may_retry(&self) -> bool {
        // SAFETY: a live handle.
        unsafe { sys::openexec_outcome_may_retry(self.0.get()) == 1 }
    }

    /// Whether this is the outcome of an earlier attempt, told again: the handler was not entered.
    pub fn replayed(&self) -> bool {
        // SAFETY: a live handle.
        unsafe { sys::openexec_outcome_replayed(self.0.get()) == 1 }
    }

    views! {
        /// The execution's id, 64 hexadecimal digits; empty where the request was malformed.
        exec_id openexec_outcome_exec_id,
        /// The action; empty where the request was malformed.
        action openexec_outcome_action,
        /// The result as JSON, the bytes that the receipt hash covers; `{"error": "<code>"}` for every no.
        result openexec_outcome_result,
        /// The receipt hash, 64 hexadecimal digits: SHA-256 of exec_id, `":"` and result.
        receipt openexec_outcome_receipt,
        /// The explanation for a person; empty on success. A replay has the first attempt's. Not covered by the receipt hash.
        detail openexec_outcome_detail,
        /// This attempt's own log entry as JSON; empty where none could be written.
        entry openexec_outcome_entry,
        /// That entry's portable receipt, where the request asked for it with [`crate::Request::proof`] and the log
        /// keeps a tree; else empty. [`crate::Log::prove`] gives it later as well.
        proof openexec_outcome_proof,
    }

    /// The place of the entry in the log.
    pub fn entry_index(&self) -> Option<u64> {
        // SAFETY: a live handle.
        u64::try_from(unsafe { sys::openexec_outcome_entry_index(self.0.get()) }).ok()
    }

    /// Checks the receipt hash, offline.
    pub fn verify(&self) -> Result<(), Error> {
        crate::evidence::verify_receipt(self.exec_id(), self.result(), self.receipt())
    }

    /// Itself where it is a yes, else the error that holds it.
    pub fn into_result(self) -> Result<Self, Error> {
        match self.code() {
            Code::Ok => Ok(self),
            code => Err(No::new(code, self.detail().to_owned()).with(self).into()),
        }
    }
}

impl fmt::Debug for Outcome {
    // Neither the result nor the payload: what is printed ends up in logs.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Outcome")
            .field("code", &self.code())
            .field("verdict", &self.verdict())
            .field("effect", &self.effect())
            .field("exec_id", &self.exec_id())
            .field("receipt", &self.receipt())
            .finish()
    }
}
