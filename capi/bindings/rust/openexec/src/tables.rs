// SPDX-License-Identifier: Apache-2.0
//! The tables of callbacks: a function of C for each method of a trait. Nothing unwinds into C.
//!
//! A part is handed over as a pointer to its box, and comes back to `close` exactly once. The callbacks get that
//! pointer, and views and objects that live until they return: that is what every `unsafe` here stands on.

use crate::codes::{Code, Control, Effect, EventKind, Verdict};
use crate::error::Error;
use crate::executor::{ControlName, Event};
use crate::handler::{CostQuery, Failure, Handler, Invocation, Settlement};
use crate::log::LogLine;
use crate::parts::*;
use crate::raw::{ask, bytes, slice, text, view};
use crate::request::{Digest, Proposal};
use openexec_sys as sys;
use std::ffi::c_void;
use std::mem::size_of;
use std::panic::{catch_unwind, AssertUnwindSafe};

type Sink = *mut sys::openexec_sink;

/// Hands a part over, by a setter that owns it from success on.
pub(crate) fn hand_over<P>(
    part: P, set: impl FnOnce(*mut c_void, *mut *mut sys::openexec_error) -> sys::openexec_code,
) -> Result<(), Error> {
    let part = Box::into_raw(Box::new(part));
    ask(|why| set(part.cast(), why)).inspect_err(|_| {
        // SAFETY: not owned by C, so still ours.
        drop(unsafe { Box::from_raw(part) });
    })
}

unsafe extern "C" fn close<P>(part: *mut c_void) {
    // SAFETY: what `hand_over` made; called once.
    drop(unsafe { Box::from_raw(part.cast::<P>()) });
}

/// # Safety
/// `part` is a live part of that type.
unsafe fn part<'a, P>(part: *mut c_void) -> &'a P {
    // SAFETY: the caller's.
    unsafe { &*part.cast::<P>() }
}

/// Writes to a sink; what it does not take the library remembers.
fn write(sink: Sink, data: &[u8]) {
    // SAFETY: valid while the callback runs.
    unsafe { sys::openexec_sink_write(sink, bytes(data)) };
}

/// Runs what may panic. The panic's text may hold what no detail may.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run))
        .map_err(|payload| {
            // What a panic carries may panic when it is dropped; then it is left where it is.
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(again);
            }
        })
        .ok()
}

/// A callback that can fail.
fn guarded(otherwise: sys::openexec_code, detail: Sink, run: impl FnOnce() -> Result<(), No>) -> sys::openexec_code {
    match caught(run) {
        Some(Ok(())) => sys::OPENEXEC_OK,
        Some(Err(no)) => {
            write(detail, no.detail().as_bytes());
            // A no that says yes is no yes.
            if no.code() == Code::Ok {
                otherwise
            } else {
                no.code().number()
            }
        }
        None => {
            write(detail, b"it panicked");
            otherwise
        }
    }
}

fn digest(raw: &sys::openexec_digest) -> Digest {
    Digest(raw.bytes)
}

// --- handlers ---

fn answer(result: Sink, detail: Sink, run: impl FnOnce() -> Result<String, Failure>) -> sys::openexec_answer {
    let (answer, why) = match caught(run) {
        Some(Ok(json)) => {
            write(result, json.as_bytes());
            return sys::OPENEXEC_ANSWER_RESULT;
        }
        Some(Err(Failure::NoEffect(why))) => (sys::OPENEXEC_ANSWER_FAILED_NO_EFFECT, why),
        Some(Err(Failure::Failed(why))) => (sys::OPENEXEC_ANSWER_FAILED, why),
        Some(Err(Failure::InDoubt(why))) => (sys::OPENEXEC_ANSWER_IN_DOUBT, why),
        None => (sys::OPENEXEC_ANSWER_IN_DOUBT, "the handler panicked".to_owned()),
    };
    write(detail, why.as_bytes());
    answer
}

unsafe extern "C" fn run<H: Handler>(
    me: *mut c_void, call: *const sys::openexec_invocation, result: Sink, detail: Sink,
) -> sys::openexec_answer {
    // SAFETY: as the module says; so in all callbacks below.
    answer(result, detail, || unsafe { part::<H>(me) }.run(&Invocation::new(unsafe { &*call })))
}

unsafe extern "C" fn reconcile<H: Handler>(
    me: *mut c_void, settlement: *const sys::openexec_settlement, result: Sink, detail: Sink,
) -> sys::openexec_answer {
    answer(result, detail, || unsafe {
        let raw = &*settlement;
        part::<H>(me).reconcile(&Settlement {
            exec_id: text(raw.exec_id),
            action: text(raw.action),
            tenant: text(raw.tenant),
        })
    })
}

unsafe extern "C" fn cost<H: Handler>(
    me: *mut c_void, query: *const sys::openexec_cost_query, micro_usd: *mut i64, detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_APPROVAL_CONSTRAINT, detail, || unsafe {
        let raw = &*query;
        let query = CostQuery { action: text(raw.action), payload: text(raw.payload), tenant: text(raw.tenant) };
        *micro_usd = part::<H>(me).cost(&query).map_err(|why| No::new(Code::ApprovalConstraint, why))?;
        Ok(())
    })
}

pub(crate) fn handler<H: Handler>(
    me: *mut c_void, deadline_ms: i64, schema: Option<&str>, retry_none: u32,
) -> sys::openexec_handler_table {
    sys::openexec_handler_table {
        size: size_of::<sys::openexec_handler_table>(),
        self_: me,
        close: Some(close::<H>),
        run: Some(run::<H>),
        reconcile: Some(reconcile::<H>),
        deadline_ms,
        cost: Some(cost::<H>),
        payload_schema: view(schema.unwrap_or_default()),
        retry_none,
        reserved: 0,
    }
}

// --- verifiers ---

unsafe extern "C" fn verify<V: Verifier>(
    me: *mut c_void, proposal: *const sys::openexec_proposal, now_us: i64, approval: *mut sys::openexec_approval,
    detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_APPROVAL_SIGNATURE_INVALID, detail, || unsafe {
        let proposal = Proposal::lent(proposal).ok_or_else(|| No::failed("no proposal"))?;
        let found = part::<V>(me).verify(&proposal, now_us)?;
        let taken = |code, what: &str| match code {
            sys::OPENEXEC_OK => Ok(()),
            _ => Err(No::new(Code::ApprovalMalformed, format!("{what} is refused"))),
        };
        taken(sys::openexec_approval_set_id(approval, view(&found.id)), "the approval's id")?;
        if let Some(issued_us) = found.issued_at_us {
            taken(sys::openexec_approval_set_issued_at(approval, issued_us), "when the approval was issued")?;
        }
        found
            .keys
            .iter()
            .try_for_each(|key| taken(sys::openexec_approval_add_key(approval, view(key)), "a key of the approval"))
    })
}

unsafe extern "C" fn verifier_ready<V: Verifier>(me: *mut c_void, detail: Sink) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || unsafe { part::<V>(me) }.ready())
}

pub(crate) fn verifier<V: Verifier>(me: *mut c_void) -> sys::openexec_verifier_table {
    // SAFETY: just handed over. The profile is copied by the setter.
    let profile = view(unsafe { part::<V>(me) }.profile());
    sys::openexec_verifier_table {
        size: size_of::<sys::openexec_verifier_table>(),
        self_: me,
        close: Some(close::<V>),
        profile,
        verify: Some(verify::<V>),
        ready: Some(verifier_ready::<V>),
    }
}

// --- hashers and clocks: an extern "C" function that panics ends the process ---

unsafe extern "C" fn canonical<H: Hasher>(
    me: *mut c_void, action: *const sys::openexec_str, payload: *const sys::openexec_str, sink: Sink,
) {
    unsafe { write(sink, &part::<H>(me).canonical(text(*action), text(*payload))) }
}

unsafe extern "C" fn digest_of<H: Hasher>(
    me: *mut c_void, data: *const sys::openexec_str, out: *mut sys::openexec_digest,
) {
    unsafe { (*out).bytes = part::<H>(me).digest(slice(*data)).0 }
}

pub(crate) fn hasher<H: Hasher>(me: *mut c_void) -> sys::openexec_hasher_table {
    // SAFETY: just handed over. The name is copied by the setter.
    let name = view(unsafe { part::<H>(me) }.name());
    sys::openexec_hasher_table {
        size: size_of::<sys::openexec_hasher_table>(),
        self_: me,
        close: Some(close::<H>),
        name,
        canonical: Some(canonical::<H>),
        digest: Some(digest_of::<H>),
    }
}

unsafe extern "C" fn now_us<C: Clock>(me: *mut c_void) -> i64 {
    unsafe { part::<C>(me) }.now_us()
}

unsafe extern "C" fn monotonic_ns<C: Clock>(me: *mut c_void) -> i64 {
    unsafe { part::<C>(me) }.monotonic_ns().expect("a clock that had a monotonic time")
}

pub(crate) fn clock<C: Clock>(me: *mut c_void) -> sys::openexec_clock_table {
    // SAFETY: just handed over.
    let own = unsafe { part::<C>(me) }.monotonic_ns().is_some();
    sys::openexec_clock_table {
        size: size_of::<sys::openexec_clock_table>(),
        self_: me,
        close: Some(close::<C>),
        now_us: Some(now_us::<C>),
        monotonic_ns: if own { Some(monotonic_ns::<C>) } else { None },
    }
}

// --- logs: apart, or a store's own ---

pub(crate) trait HasLog {
    fn log(&self) -> &dyn ReceiptLog;
}

pub(crate) struct LogPart<L>(pub(crate) L);

impl<L: ReceiptLog> HasLog for LogPart<L> {
    fn log(&self) -> &dyn ReceiptLog {
        &self.0
    }
}

pub(crate) struct StorePart<S>(pub(crate) S);

impl<S: NonceStore> HasLog for StorePart<S> {
    fn log(&self) -> &dyn ReceiptLog {
        self.0.as_log().expect("a store that was its own log")
    }
}

fn put_lines(lines: *mut sys::openexec_lines, found: Vec<LogLine>) {
    for line in found {
        let raw = sys::openexec_log_line {
            size: size_of::<sys::openexec_log_line>(),
            index: line.index,
            leaf_hash: line.leaf_hash.to_raw(),
            json: view(&line.json),
        };
        // SAFETY: valid while the callback runs. The library remembers what it did not take.
        if unsafe { sys::openexec_lines_put(lines, &raw) } != sys::OPENEXEC_OK {
            return;
        }
    }
}

unsafe extern "C" fn append<P: HasLog>(
    me: *mut c_void, entry: *const sys::openexec_new_entry, index: *mut u64, detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || unsafe {
        let raw = &*entry;
        *index = part::<P>(me).log().append(&NewEntry {
            json: text(raw.json),
            exec_id: digest(&raw.exec_id),
            attempt: digest(&raw.attempt),
            at_us: raw.at_us,
        })?;
        Ok(())
    })
}

unsafe extern "C" fn count<P: HasLog>(me: *mut c_void, entries: *mut u64, detail: Sink) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || unsafe {
        *entries = part::<P>(me).log().count()?;
        Ok(())
    })
}

unsafe extern "C" fn read<P: HasLog>(
    me: *mut c_void, first: u64, count: u64, lines: *mut sys::openexec_lines, detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || {
        unsafe { part::<P>(me) }.log().read(first, count).map(|found| put_lines(lines, found))
    })
}

unsafe extern "C" fn find_lines<P: HasLog>(
    me: *mut c_void, exec_id: *const sys::openexec_digest, count: u64, lines: *mut sys::openexec_lines, detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || {
        let exec_id = digest(unsafe { &*exec_id });
        unsafe { part::<P>(me) }.log().find(&exec_id, count).map(|found| put_lines(lines, found))
    })
}

fn log_of<P: HasLog>(me: *mut c_void) -> sys::openexec_log_table {
    sys::openexec_log_table {
        size: size_of::<sys::openexec_log_table>(),
        self_: me,
        close: None,
        append: Some(append::<P>),
        count: Some(count::<P>),
        read: Some(read::<P>),
        find: Some(find_lines::<P>),
    }
}

pub(crate) fn log<L: ReceiptLog + 'static>(me: *mut c_void) -> sys::openexec_log_table {
    sys::openexec_log_table { close: Some(close::<LogPart<L>>), ..log_of::<LogPart<L>>(me) }
}

// --- stores ---

fn index_of(entry: Option<u64>) -> i64 {
    entry.and_then(|index| i64::try_from(index).ok()).unwrap_or(-1)
}

fn put_record(records: *mut sys::openexec_records, record: &Record) {
    let raw = sys::openexec_record {
        size: size_of::<sys::openexec_record>(),
        tenant: view(&record.tenant),
        nonce: view(&record.nonce),
        action: view(&record.action),
        exec_id: record.exec_id.to_raw(),
        request_hash: record.request_hash.to_raw(),
        approval_digest: record.approval_digest.to_raw(),
        approval: view(&record.approval),
        result: view(&record.result),
        entry: index_of(record.entry),
        state: record.state.number(),
        code: record.code.number(),
        effect: record.effect.number(),
        reserved: 0,
    };
    // SAFETY: valid while the callback runs. The library remembers what it did not take.
    unsafe { sys::openexec_records_put(records, &raw) };
}

unsafe extern "C" fn claim<S: NonceStore>(
    me: *mut c_void, claim: *const sys::openexec_claim, claimed: *mut sys::openexec_claim_answer,
    existing: *mut sys::openexec_records, detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || unsafe {
        let raw = &*claim;
        let answer = part::<StorePart<S>>(me).0.claim(&Claim {
            tenant: text(raw.tenant),
            nonce: text(raw.nonce),
            action: text(raw.action),
            exec_id: digest(&raw.exec_id),
            request_hash: digest(&raw.request_hash),
            approval_id: text(raw.approval_id),
            approval_digest: digest(&raw.approval_digest),
            approval: text(raw.approval),
            at_us: raw.at_us,
            predecessor: text(raw.predecessor),
            max_per_minute: raw.max_per_minute,
        })?;
        *claimed = match answer {
            ClaimAnswer::Fresh => sys::OPENEXEC_CLAIM_FRESH,
            ClaimAnswer::Exists(record) => {
                put_record(existing, &record);
                sys::OPENEXEC_CLAIM_EXISTS
            }
            ClaimAnswer::NonceConflict => sys::OPENEXEC_CLAIM_NONCE_CONFLICT,
            ClaimAnswer::ApprovalSpent => sys::OPENEXEC_CLAIM_APPROVAL_SPENT,
            ClaimAnswer::OutOfOrder => sys::OPENEXEC_CLAIM_OUT_OF_ORDER,
            ClaimAnswer::RateReached => sys::OPENEXEC_CLAIM_RATE_REACHED,
        };
        Ok(())
    })
}

unsafe extern "C" fn find<S: NonceStore>(
    me: *mut c_void, tenant: *const sys::openexec_str, nonce: *const sys::openexec_str,
    found: *mut sys::openexec_records, detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || unsafe {
        if let Some(record) = part::<StorePart<S>>(me).0.find(text(*tenant), text(*nonce))? {
            put_record(found, &record);
        }
        Ok(())
    })
}

unsafe extern "C" fn seal<S: NonceStore>(
    me: *mut c_void, seal: *const sys::openexec_seal, entry: *mut i64, detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || unsafe {
        let raw = &*seal;
        *entry = index_of(part::<StorePart<S>>(me).0.seal(&Seal {
            tenant: text(raw.tenant),
            nonce: text(raw.nonce),
            exec_id: digest(&raw.exec_id),
            result: text(raw.result),
            entry: text(raw.entry),
            at_us: raw.at_us,
            state: State::from_raw(raw.state),
            code: Code::from_raw(raw.code),
            effect: Effect::from_raw(raw.effect),
        })?);
        Ok(())
    })
}

unsafe extern "C" fn orphans<S: NonceStore>(
    me: *mut c_void, orphans: *mut sys::openexec_records, detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || {
        let found = unsafe { part::<StorePart<S>>(me) }.0.orphans()?;
        found.iter().for_each(|record| put_record(orphans, record));
        Ok(())
    })
}

unsafe extern "C" fn pin<S: NonceStore>(
    me: *mut c_void, key: *const sys::openexec_str, value: *const sys::openexec_str, detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || unsafe { part::<StorePart<S>>(me).0.pin(text(*key), text(*value)) })
}

unsafe extern "C" fn latest<S: NonceStore>(me: *mut c_void, at_us: *mut i64, detail: Sink) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || unsafe {
        *at_us = part::<StorePart<S>>(me).0.latest()?;
        Ok(())
    })
}

unsafe extern "C" fn floor<S: NonceStore>(me: *mut c_void, floor_us: *mut i64, detail: Sink) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || unsafe {
        if let Some(found) = part::<StorePart<S>>(me).0.floor()? {
            *floor_us = found;
        }
        Ok(())
    })
}

unsafe extern "C" fn ready<S: NonceStore>(me: *mut c_void, detail: Sink) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || unsafe { part::<StorePart<S>>(me) }.0.ready())
}

unsafe extern "C" fn unlogged<S: NonceStore>(
    me: *mut c_void, unlogged: *mut sys::openexec_unlogged, detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || {
        for one in unsafe { part::<StorePart<S>>(me) }.0.unlogged()? {
            let raw = sys::openexec_unlogged_entry {
                size: size_of::<sys::openexec_unlogged_entry>(),
                tenant: view(&one.tenant),
                nonce: view(&one.nonce),
                exec_id: one.exec_id.to_raw(),
                entry: view(&one.entry),
            };
            unsafe { sys::openexec_unlogged_put(unlogged, &raw) };
        }
        Ok(())
    })
}

unsafe extern "C" fn logged<S: NonceStore>(
    me: *mut c_void, tenant: *const sys::openexec_str, nonce: *const sys::openexec_str, index: u64, detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || unsafe {
        part::<StorePart<S>>(me).0.logged(text(*tenant), text(*nonce), index)
    })
}

unsafe extern "C" fn control<S: NonceStore>(
    me: *mut c_void, change: *const sys::openexec_control_change, entry: *mut i64, detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || unsafe {
        let raw = &*change;
        let controls = part::<StorePart<S>>(me).0.as_controls().ok_or_else(|| No::failed("keeps no controls"))?;
        *entry = index_of(controls.control(&ControlChange {
            control: Control::from_raw(raw.control),
            stands: if raw.active == 1 { Stands::FromNowOn } else { Stands::NoMore },
            id: text(raw.id),
            tenant: text(raw.tenant),
            entry: text(raw.entry),
            at_us: raw.at_us,
        })?);
        Ok(())
    })
}

unsafe extern "C" fn controls<S: NonceStore>(
    me: *mut c_void, out: *mut sys::openexec_controls, detail: Sink,
) -> sys::openexec_code {
    guarded(sys::OPENEXEC_STORE_FAILED, detail, || {
        let store = &unsafe { part::<StorePart<S>>(me) }.0;
        for name in store.as_controls().ok_or_else(|| No::failed("keeps no controls"))?.controls()? {
            let raw = sys::openexec_control_name {
                size: size_of::<sys::openexec_control_name>(),
                control: name.control.number(),
                reserved: 0,
                id: view(&name.id),
                tenant: view(&name.tenant),
            };
            unsafe { sys::openexec_controls_put(out, &raw) };
        }
        Ok(())
    })
}

/// Sets a store, with itself as its log where it is one: C copies both tables.
pub(crate) fn set_store<S: NonceStore>(config: *mut sys::openexec_config, store: S) -> Result<(), Error> {
    hand_over(StorePart(store), |me, why| {
        // SAFETY: just handed over.
        let store = &unsafe { part::<StorePart<S>>(me) }.0;
        let own = store.as_log().map(|_| log_of::<StorePart<S>>(me));
        let keeps_controls = store.as_controls().is_some();
        let table = sys::openexec_store_table {
            size: size_of::<sys::openexec_store_table>(),
            self_: me,
            close: Some(close::<StorePart<S>>),
            claim: Some(claim::<S>),
            find: Some(find::<S>),
            seal: Some(seal::<S>),
            orphans: Some(orphans::<S>),
            pin: Some(pin::<S>),
            latest: Some(latest::<S>),
            ready: Some(ready::<S>),
            log: own.as_ref().map_or(std::ptr::null(), std::ptr::from_ref),
            unlogged: if own.is_none() { Some(unlogged::<S>) } else { None },
            logged: if own.is_none() { Some(logged::<S>) } else { None },
            keeps_terms: i32::from(store.keeps_terms()),
            reserved: 0,
            control: if keeps_controls { Some(control::<S>) } else { None },
            controls: if keeps_controls { Some(controls::<S>) } else { None },
            floor: Some(floor::<S>),
        };
        // SAFETY: a live config, and tables that are copied.
        unsafe { sys::openexec_config_set_store(config, &table, why) }
    })
}

// --- events, and what visitors are given ---

unsafe extern "C" fn tell<F: Fn(&Event<'_>) + Send + Sync>(me: *mut c_void, event: *const sys::openexec_event) {
    caught(|| unsafe {
        let raw = &*event;
        part::<F>(me)(&Event {
            kind: EventKind::from_raw(raw.kind),
            code: Code::from_raw(raw.code),
            verdict: Verdict::from_raw(raw.verdict),
            effect: Effect::from_raw(raw.effect),
            exec_id: text(raw.exec_id),
            action: text(raw.action),
            entry_index: u64::try_from(raw.entry_index).ok(),
            count: raw.count,
        });
    });
}

pub(crate) fn events<F: Fn(&Event<'_>) + Send + Sync + 'static>(me: *mut c_void) -> sys::openexec_events_table {
    sys::openexec_events_table {
        size: size_of::<sys::openexec_events_table>(),
        self_: me,
        close: Some(close::<F>),
        on_event: Some(tell::<F>),
    }
}

/// Collects what `openexec_executor_controls` visits, into a `Vec<ControlName>`.
pub(crate) unsafe extern "C" fn visit_control(found: *mut c_void, name: *const sys::openexec_control_name) -> i32 {
    let seen = caught(|| unsafe {
        let raw = &*name;
        (*found.cast::<Vec<ControlName>>()).push(ControlName {
            control: Control::from_raw(raw.control),
            id: text(raw.id).to_owned(),
            tenant: text(raw.tenant).to_owned(),
        });
    });
    i32::from(seen.is_none())
}
