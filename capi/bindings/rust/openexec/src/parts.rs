// SPDX-License-Identifier: Apache-2.0
//! Parts of your own: stores, logs, verifiers, hashers and clocks. `docs/contracts.md` says what each must keep.
//!
//! All are called from any thread, concurrently, and must not call into the executor that they are part of. An executor
//! tests its parts when it is opened, before it trusts them.

use crate::codes::{numbers, Code, Control, Effect};
use crate::executor::ControlName;
use crate::log::LogLine;
use crate::request::{Digest, Proposal};
use openexec_sys as sys;
use std::sync::Arc;

pub use crate::error::No;

impl No {
    /// A store's or a log's no: [`Code::StoreFailed`].
    pub fn failed(detail: impl Into<String>) -> Self {
        Self::new(Code::StoreFailed, detail)
    }
}

/// What a verifier found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// Spent together with the nonce; not empty.
    pub id: String,
    /// The keys that verified, as the log entry names them.
    pub keys: Vec<String>,
    /// When it was issued, in microseconds since 1970, where the artifact says so. A store with a floor, such as a ledger
    /// that was adopted, takes no approval without it.
    pub issued_at_us: Option<i64>,
}

/// Says who approved a request, or why not: from the artifact, the proposal, its own configuration and `now_us` alone.
/// No network, no clock of its own. That an approval is used once is the store's promise.
pub trait Verifier: Send + Sync + 'static {
    /// The name of its rules, as log entries carry it; not empty.
    fn profile(&self) -> &str;

    /// A no is one of the codes from [`Code::ApprovalMissing`] to [`Code::ApprovalKeyRevoked`]; any other is
    /// [`Code::ApprovalSignatureInvalid`].
    fn verify(&self, proposal: &Proposal, now_us: i64) -> Result<Approval, No>;

    /// Whether it could accept something; else why not.
    fn ready(&self) -> Result<(), No> {
        Ok(())
    }
}

/// How a request becomes bytes, and bytes a digest. Pure: equal input gives equal output, for ever; different requests
/// give different bytes. Cannot fail: a panic ends the process.
pub trait Hasher: Send + Sync + 'static {
    /// Which rules these are, 1 to 64 bytes. A ledger that was written under one name does not open under another.
    fn name(&self) -> &str;

    /// The bytes whose digest is the request hash. `payload` is in RFC 8785 form.
    fn canonical(&self, action: &str, payload: &str) -> Vec<u8>;

    /// The digest of bytes.
    fn digest(&self, bytes: &[u8]) -> Digest;
}

/// Tells the time. Cannot fail: a panic ends the process.
pub trait Clock: Send + Sync + 'static {
    /// Civil time, in microseconds since 1970. May be wrong and may jump.
    fn now_us(&self) -> i64;

    /// Time for durations and deadlines, in nanoseconds from any beginning; never goes back. `None`, now and always:
    /// the system's.
    fn monotonic_ns(&self) -> Option<i64> {
        None
    }
}

/// An entry on its way into a log.
#[derive(Clone, Copy, Debug)]
pub struct NewEntry<'a> {
    /// 1 to 65,535 bytes; anything else is to be refused.
    pub json: &'a str,
    /// Finds the entry again; [`Digest::NONE`] for a malformed request.
    pub exec_id: Digest,
    /// Where it is not [`Digest::NONE`], a second append of the same attempt answers the first one's index.
    pub attempt: Digest,
    /// The store's highest time counts it.
    pub at_us: i64,
}

/// The append-only record of every attempt: durable before it answers, indexes from 0 without gaps in the order of
/// commit, nothing ever changed or removed, idempotent per attempt.
pub trait ReceiptLog: Send + Sync {
    /// Answers the entry's index.
    fn append(&self, entry: &NewEntry<'_>) -> Result<u64, No>;
    /// How many entries there are.
    fn count(&self) -> Result<u64, No>;
    /// Up to `count` lines from `first` on, in order; fewer at the end.
    fn read(&self, first: u64, count: u64) -> Result<Vec<LogLine>, No>;
    /// The lines of one execution, in order; at most `count` of them.
    fn find(&self, exec_id: &Digest, count: u64) -> Result<Vec<LogLine>, No>;
}

/// What a claim spends, in one durable step.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct Claim<'a> {
    pub tenant: &'a str,
    pub nonce: &'a str,
    pub action: &'a str,
    pub exec_id: Digest,
    pub request_hash: Digest,
    /// Spent with the nonce; empty spends none.
    pub approval_id: &'a str,
    /// Which artifact was spent; [`Digest::NONE`] where none was presented.
    pub approval_digest: Digest,
    /// JSON, kept for the log entry of an attempt that dies.
    pub approval: &'a str,
    pub at_us: i64,
    /// Something spent as an approval id that must be sealed as [`Code::Ok`]; empty: nothing.
    pub predecessor: &'a str,
    /// Claims of this action in this tenant within 60 seconds, this one included; 0: any number.
    pub max_per_minute: u32,
}

/// A claim's answer. Nothing but `Fresh` permits running the handler.
#[derive(Clone, Debug)]
pub enum ClaimAnswer {
    /// Claimed now, durably.
    Fresh,
    /// The nonce was claimed before, by this very request.
    Exists(Box<Record>),
    /// The nonce was claimed before, by another request.
    NonceConflict,
    /// The approval was claimed before, under another nonce.
    ApprovalSpent,
    /// The predecessor has not executed; nothing was spent.
    OutOfOrder,
    /// As many claims as may be were made within a minute; nothing was spent.
    RateReached,
}

numbers! {
    /// How far a nonce has come.
    State otherwise InDoubt {
        /// Its first attempt is running, or died and was not recovered yet.
        Claimed = OPENEXEC_STATE_CLAIMED,
        /// Final.
        Sealed = OPENEXEC_STATE_SEALED,
        /// It may have run; never run again; a settlement may still seal it.
        InDoubt = OPENEXEC_STATE_IN_DOUBT,
    }
}

/// What a store knows of one nonce.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Record {
    pub tenant: String,
    pub nonce: String,
    pub action: String,
    pub exec_id: Digest,
    pub request_hash: Digest,
    pub approval_digest: Digest,
    /// As claimed.
    pub approval: String,
    /// As sealed; empty while claimed.
    pub result: String,
    /// Index of the entry that sealed it or put it in doubt.
    pub entry: Option<u64>,
    pub state: State,
    /// As sealed; while claimed [`Code::InDoubt`].
    pub code: Code,
    /// As sealed; while claimed [`Effect::Unknown`].
    pub effect: Effect,
}

impl Record {
    /// What a claim leaves.
    pub fn claimed(claim: &Claim<'_>) -> Self {
        Self {
            tenant: claim.tenant.to_owned(),
            nonce: claim.nonce.to_owned(),
            action: claim.action.to_owned(),
            exec_id: claim.exec_id,
            request_hash: claim.request_hash,
            approval_digest: claim.approval_digest,
            approval: claim.approval.to_owned(),
            result: String::new(),
            entry: None,
            state: State::Claimed,
            code: Code::InDoubt,
            effect: Effect::Unknown,
        }
    }
}

/// The end of an attempt: claimed to sealed or in doubt, or in doubt to sealed.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct Seal<'a> {
    pub tenant: &'a str,
    pub nonce: &'a str,
    pub exec_id: Digest,
    /// Display form.
    pub result: &'a str,
    /// The log entry; goes into the log in the same durable step, or into the outbox.
    pub entry: &'a str,
    pub at_us: i64,
    pub state: State,
    pub code: Code,
    pub effect: Effect,
}

/// A sealed attempt whose entry has not been confirmed to be in the log.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Unlogged {
    pub tenant: String,
    pub nonce: String,
    pub exec_id: Digest,
    pub entry: String,
}

/// A change of what stands, with the entry that records who ordered it.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct ControlChange<'a> {
    pub control: Control,
    /// From now on, or no more: only a halt can be lifted.
    pub stands: Stands,
    pub id: &'a str,
    pub tenant: &'a str,
    /// Goes into the log in the same durable step, or into the outbox under an empty nonce.
    pub entry: &'a str,
    pub at_us: i64,
}

/// Whether a control stands from now on, or no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Stands {
    FromNowOn,
    NoMore,
}

/// A store's memory of orders. Without it orders last as long as the executor.
pub trait Controls: Send + Sync {
    /// Makes a control stand, or lifts it; of one that stands already, or does not, only the entry is new. Answers as
    /// [`NonceStore::seal`].
    fn control(&self, change: &ControlChange<'_>) -> Result<Option<u64>, No>;
    /// What stands, in the order of control, id and tenant.
    fn controls(&self) -> Result<Vec<ControlName>, No>;
}

/// The contract that carries "at most once".
///
/// Linearizable per (tenant, nonce) and per (tenant, approval id), across threads, processes that share the store, and
/// restarts. An error means: do not run. If a commit's fate is unknown the store finds out, or fails every later call; it
/// never guesses. Calls block until they are durable. Nothing that could be replayed is ever evicted.
pub trait NonceStore: Send + Sync + 'static {
    /// Durable before it answers `Fresh`; spends the nonce and the approval id in one step or not at all.
    fn claim(&self, claim: &Claim<'_>) -> Result<ClaimAnswer, No>;
    /// What is known of a nonce.
    fn find(&self, tenant: &str, nonce: &str) -> Result<Option<Record>, No>;
    /// Durable before it succeeds. Sealing what is not claimed (or in doubt) is [`Code::InvalidArgument`] and changes
    /// nothing. Answers the index of the entry where this store is the log as well, else `None`.
    fn seal(&self, seal: &Seal<'_>) -> Result<Option<u64>, No>;
    /// The claims whose process died, in the order in which they were claimed.
    fn orphans(&self) -> Result<Vec<Record>, No>;
    /// Records `value` under `key` on first use; a different value later is a no.
    fn pin(&self, key: &str, value: &str) -> Result<(), No>;
    /// The highest time of any claim, seal or entry; zero for an empty store.
    fn latest(&self) -> Result<i64, No>;
    /// Whether a claim would be possible now.
    fn ready(&self) -> Result<(), No>;
    /// Of a store that was copied or restored, and may have lost what was spent: the time up to which issued approvals
    /// count no more, in microseconds since 1970. A store in front of another one forwards it.
    fn floor(&self) -> Result<Option<i64>, No> {
        Ok(None)
    }

    /// Itself as a log, where seals and entries share one durable step. `None`: a log apart, and this store is its
    /// outbox by the next two. Asked once, when the store is set; always answered alike.
    fn as_log(&self) -> Option<&dyn ReceiptLog> {
        None
    }
    /// The sealed entries that `logged` has not confirmed.
    fn unlogged(&self) -> Result<Vec<Unlogged>, No> {
        Ok(Vec::new())
    }
    /// Confirms that the entry of a sealed nonce is in the log.
    fn logged(&self, _tenant: &str, _nonce: &str, _index: u64) -> Result<(), No> {
        Err(No::failed("this store keeps no outbox"))
    }

    /// Whether claims are held to `predecessor` and `max_per_minute`. Where they are not, what needs them is refused.
    fn keeps_terms(&self) -> bool {
        false
    }
    /// Its memory of orders. Asked once, when the store is set; always answered alike.
    fn as_controls(&self) -> Option<&dyn Controls> {
        None
    }
}

// What is shared is a part as well: a test, or a program that looks at its own store, keeps the other half.

impl<V: Verifier + ?Sized> Verifier for Arc<V> {
    fn profile(&self) -> &str {
        (**self).profile()
    }
    fn verify(&self, proposal: &Proposal, now_us: i64) -> Result<Approval, No> {
        (**self).verify(proposal, now_us)
    }
    fn ready(&self) -> Result<(), No> {
        (**self).ready()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now_us(&self) -> i64 {
        (**self).now_us()
    }
    fn monotonic_ns(&self) -> Option<i64> {
        (**self).monotonic_ns()
    }
}

impl<L: ReceiptLog + ?Sized> ReceiptLog for Arc<L> {
    fn append(&self, entry: &NewEntry<'_>) -> Result<u64, No> {
        (**self).append(entry)
    }
    fn count(&self) -> Result<u64, No> {
        (**self).count()
    }
    fn read(&self, first: u64, count: u64) -> Result<Vec<LogLine>, No> {
        (**self).read(first, count)
    }
    fn find(&self, exec_id: &Digest, count: u64) -> Result<Vec<LogLine>, No> {
        (**self).find(exec_id, count)
    }
}

impl<S: NonceStore + ?Sized> NonceStore for Arc<S> {
    fn claim(&self, claim: &Claim<'_>) -> Result<ClaimAnswer, No> {
        (**self).claim(claim)
    }
    fn find(&self, tenant: &str, nonce: &str) -> Result<Option<Record>, No> {
        (**self).find(tenant, nonce)
    }
    fn seal(&self, seal: &Seal<'_>) -> Result<Option<u64>, No> {
        (**self).seal(seal)
    }
    fn orphans(&self) -> Result<Vec<Record>, No> {
        (**self).orphans()
    }
    fn pin(&self, key: &str, value: &str) -> Result<(), No> {
        (**self).pin(key, value)
    }
    fn latest(&self) -> Result<i64, No> {
        (**self).latest()
    }
    fn ready(&self) -> Result<(), No> {
        (**self).ready()
    }
    fn as_log(&self) -> Option<&dyn ReceiptLog> {
        (**self).as_log()
    }
    fn unlogged(&self) -> Result<Vec<Unlogged>, No> {
        (**self).unlogged()
    }
    fn logged(&self, tenant: &str, nonce: &str, index: u64) -> Result<(), No> {
        (**self).logged(tenant, nonce, index)
    }
    fn floor(&self) -> Result<Option<i64>, No> {
        (**self).floor()
    }
    fn keeps_terms(&self) -> bool {
        (**self).keeps_terms()
    }
    fn as_controls(&self) -> Option<&dyn Controls> {
        (**self).as_controls()
    }
}
