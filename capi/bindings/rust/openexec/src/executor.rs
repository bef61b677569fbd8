// SPDX-License-Identifier: Apache-2.0
//! The boundary, and how it is to be.

use crate::codes::{Code, Control, Effect, EventKind, Limit, Verdict};
use crate::error::Error;
use crate::handler::{Closure, Failure, Handler, Invocation};
use crate::log::Log;
use crate::outcome::Outcome;
use crate::parts::{Clock, Hasher, NonceStore, ReceiptLog, Stands, Verifier};
use crate::raw::{ask, no, view, Owned};
use crate::request::Request;
use crate::tables;
use openexec_sys as sys;
use std::ffi::c_void;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// How an executor is to be: its ledger, its verifier, its handlers. Ledger and verifier have no default.
///
/// What is wrong with a setting is said by [`Builder::open`].
pub struct Builder(Result<Owned<sys::openexec_config>, Error>);

// SAFETY: a config is changed by its one owner, and has no thread of its own.
unsafe impl Send for Builder {}

impl Builder {
    fn set(mut self, set: impl FnOnce(*mut sys::openexec_config) -> Result<(), Error>) -> Self {
        if let Ok(config) = &self.0 {
            if let Err(why) = set(config.get()) {
                self.0 = Err(why);
            }
        }
        self
    }

    fn text(
        self,
        set: unsafe extern "C" fn(
            *mut sys::openexec_config,
            sys::openexec_str,
            *mut *mut sys::openexec_error,
        ) -> sys::openexec_code,
        value: &[u8],
    ) -> Self {
        // SAFETY: a live config, and a view that is copied.
        self.set(|config| ask(|why| unsafe { set(config, crate::raw::bytes(value), why) }))
    }

    /// Whose nonces and approvals these are; `"default"` unless set.
    pub fn tenant(self, tenant: &str) -> Self {
        self.text(sys::openexec_config_set_tenant, tenant.as_bytes())
    }

    /// The executor's own name in log entries; `"openexec"` unless set.
    pub fn name(self, name: &str) -> Self {
        self.text(sys::openexec_config_set_executor_name, name.as_bytes())
    }

    /// The allow-list: only these actions run. Without it every registered action may; with an empty one none.
    pub fn allowed_actions(self, actions: &[&str]) -> Self {
        let views: Vec<_> = actions.iter().map(|action| view(action)).collect();
        self.set(|config| {
            // SAFETY: a live config, and views that are copied.
            ask(|why| unsafe { sys::openexec_config_set_allowed_actions(config, views.as_ptr(), views.len(), why) })
        })
    }

    /// Sets one bound.
    pub fn limit(self, limit: Limit, value: u64) -> Self {
        // SAFETY: a live config.
        self.set(|config| ask(|why| unsafe { sys::openexec_config_set_limit(config, limit.number(), value, why) }))
    }

    /// A supplied ledger by URL: `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` (in memory).
    pub fn ledger_url(self, url: &str) -> Self {
        self.text(sys::openexec_config_set_ledger_url, url.as_bytes())
    }

    /// A supplied SQLite ledger by the path of its file, which is created where it does not exist.
    pub fn ledger_path(self, path: impl AsRef<Path>) -> Self {
        self.text(sys::openexec_config_set_ledger_path, path.as_ref().as_os_str().as_bytes())
    }

    /// The key that signs the checkpoints of a supplied ledger's log: Ed25519, PKCS#8 PEM. Without it the first opening
    /// makes one beside the ledger.
    pub fn log_key(self, private_key_pem: &str) -> Self {
        self.text(sys::openexec_config_set_log_key, private_key_pem.as_bytes())
    }

    /// The name of a supplied ledger's log, as no other in the world should be named: `"example.com/payments"`.
    pub fn log_origin(self, origin: &str) -> Self {
        self.text(sys::openexec_config_set_log_origin, origin.as_bytes())
    }

    /// Keeps the newest checkpoint in a separate file, which has to be where a writer of the ledger cannot write. A
    /// ledger that does not reach as far, or has another history, is not opened.
    pub fn log_anchor(self, path: impl AsRef<Path>) -> Self {
        self.text(sys::openexec_config_set_log_anchor, path.as_ref().as_os_str().as_bytes())
    }

    /// Requires approvals of profile clawshield-v1. An empty key or tenant refuses every request.
    pub fn clawshield(self, public_key_pem: &str, tenant: &str) -> Self {
        self.set(|config| {
            // SAFETY: a live config, and views that are copied.
            ask(|why| unsafe {
                sys::openexec_config_set_clawshield_verifier(config, view(public_key_pem), view(tenant), why)
            })
        })
    }

    /// Requires DSSE approvals under a trust policy, JSON text. An empty one: every request is refused until
    /// [`Executor::reload_trust_policy`] brings one.
    pub fn trust_policy(self, policy: &str) -> Self {
        self.text(sys::openexec_config_set_trust_policy, policy.as_bytes())
    }

    /// WEAK: verifies nothing, so that everybody may run everything. For demonstrations.
    pub fn demo(self) -> Self {
        // SAFETY: a live config.
        self.set(|config| ask(|why| unsafe { sys::openexec_config_set_demo_verifier(config, why) }))
    }

    /// Registers what an action runs. The closure answers the result, one strict JSON value as text.
    pub fn handler<F>(self, action: &str, run: F) -> Self
    where
        F: Fn(&Invocation<'_>) -> Result<String, Failure> + Send + Sync + 'static,
    {
        self.handler_with(action, Closure(run))
    }

    /// Registers a handler that can reconcile, tells its cost, has a payload schema, or has a deadline of its own.
    pub fn handler_with<H: Handler>(self, action: &str, handler: H) -> Self {
        let deadline_ms = i64::try_from(handler.deadline().as_millis()).unwrap_or(i64::MAX).max(1);
        let schema = handler.payload_schema();
        let retry_none = handler.retry_none();
        self.set(|config| {
            tables::hand_over(handler, |me, why| {
                let table = tables::handler::<H>(me, deadline_ms, schema.as_deref(), retry_none);
                // SAFETY: a live config, and a table that is copied.
                unsafe { sys::openexec_config_add_handler(config, view(action), &table, why) }
            })
        })
    }

    /// Takes a store of your own, which replaces a ledger.
    pub fn store<S: NonceStore>(self, store: S) -> Self {
        self.set(|config| tables::set_store(config, store))
    }

    /// Takes a log of your own, apart from the store, which is then its outbox.
    pub fn log<L: ReceiptLog + 'static>(self, log: L) -> Self {
        self.set(|config| {
            tables::hand_over(tables::LogPart(log), |me, why| {
                // SAFETY: a live config, and a table that is copied; so below.
                unsafe { sys::openexec_config_set_log(config, &tables::log::<L>(me), why) }
            })
        })
    }

    /// Takes a verifier of your own.
    pub fn verifier<V: Verifier>(self, verifier: V) -> Self {
        self.set(|config| {
            tables::hand_over(verifier, |me, why| unsafe {
                sys::openexec_config_set_verifier(config, &tables::verifier::<V>(me), why)
            })
        })
    }

    /// Takes a hasher of your own.
    pub fn hasher<H: Hasher>(self, hasher: H) -> Self {
        self.set(|config| {
            tables::hand_over(hasher, |me, why| unsafe {
                sys::openexec_config_set_hasher(config, &tables::hasher::<H>(me), why)
            })
        })
    }

    /// Takes a clock of your own.
    pub fn clock<C: Clock>(self, clock: C) -> Self {
        self.set(|config| {
            tables::hand_over(clock, |me, why| unsafe {
                sys::openexec_config_set_clock(config, &tables::clock::<C>(me), why)
            })
        })
    }

    /// Takes a listener. It is told after the fact, on the thread that called, and decides nothing: a panic of it is
    /// forgotten, and a slow one slows its callers.
    pub fn events<F: Fn(&Event<'_>) + Send + Sync + 'static>(self, listen: F) -> Self {
        self.set(|config| {
            tables::hand_over(listen, |me, why| unsafe {
                sys::openexec_config_set_events(config, &tables::events::<F>(me), why)
            })
        })
    }

    /// Opens the ledger, checks the parts, seals the handlers, and recovers what an earlier process left behind. Any
    /// doubt about a part is an error, never a weaker executor.
    pub fn open(self) -> Result<Executor, Error> {
        let config = self.0?;
        // SAFETY: a live config, and out parameters.
        Owned::make(|made, why| unsafe { sys::openexec_executor_create(config.get(), made, why) }).map(Executor)
    }
}

/// What a host may want to write down. Names codes and ids: never a payload, a result, a key or a nonce.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// What happened.
    pub kind: EventKind,
    /// How it ended.
    pub code: Code,
    /// Of an attempt: how it ended.
    pub verdict: Verdict,
    /// Of an attempt: what became of the action.
    pub effect: Effect,
    /// Empty where the request was malformed.
    pub exec_id: &'a str,
    /// Empty where the request was malformed.
    pub action: &'a str,
    /// The place of its entry in the log.
    pub entry_index: Option<u64>,
    /// Of an opening or a recovery: claims that were found interrupted.
    pub count: u64,
}

/// A flag for handlers to look at. Setting it stops nothing by itself.
pub struct Cancellation(Owned<sys::openexec_cancellation>);

// SAFETY: "may be called from any thread", by the header.
unsafe impl Send for Cancellation {}
// SAFETY: as above.
unsafe impl Sync for Cancellation {}

impl Cancellation {
    /// One that is not set.
    pub fn new() -> Result<Self, Error> {
        // SAFETY: out parameters.
        Owned::make(|made, why| unsafe { sys::openexec_cancellation_create(made, why) }).map(Self)
    }

    pub(crate) fn raw(&self) -> *mut sys::openexec_cancellation {
        self.0.get()
    }

    /// Sets it, for ever.
    pub fn cancel(&self) {
        // SAFETY: a live handle, the only thing that could be wrong.
        unsafe { sys::openexec_cancellation_cancel(self.raw(), ptr::null_mut()) };
    }

    /// Whether it is set.
    pub fn cancelled(&self) -> bool {
        // SAFETY: a live handle.
        unsafe { sys::openexec_cancellation_cancelled(self.raw()) == 1 }
    }
}

/// What is ordered, by whom and why. All of it goes into the log.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    control: Control,
    stands: Stands,
    id: &'a str,
    tenant: &'a str,
    who: &'a str,
    why: &'a str,
}

impl<'a> Order<'a> {
    /// Nothing starts any more. `who`: 1 to 255 bytes; `why`: 1 to 1,024.
    pub fn halt(who: &'a str, why: &'a str) -> Self {
        Self { control: Control::Halt, stands: Stands::FromNowOn, id: "", tenant: "", who, why }
    }

    /// Ends a halt.
    pub fn resume(who: &'a str, why: &'a str) -> Self {
        Self { stands: Stands::NoMore, ..Self::halt(who, why) }
    }

    /// An approval, by its id (of a plan: all its steps), counts no more, for ever.
    pub fn revoke_approval(id: &'a str, who: &'a str, why: &'a str) -> Self {
        Self { control: Control::RevokeApproval, id, ..Self::halt(who, why) }
    }

    /// A key, by its id or fingerprint, counts no more, for ever.
    pub fn revoke_key(id: &'a str, who: &'a str, why: &'a str) -> Self {
        Self { control: Control::RevokeKey, id, ..Self::halt(who, why) }
    }

    /// Whom it concerns; everybody unless said.
    pub fn tenant(mut self, tenant: &'a str) -> Self {
        self.tenant = tenant;
        self
    }
}

/// A control that stands: at most one of each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ControlName {
    /// What was ordered.
    pub control: Control,
    /// Of the approval or the key; empty for a halt.
    pub id: String,
    /// Whom it concerns; empty: everybody.
    pub tenant: String,
}

/// What a recovery found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Claims without a seal, now in doubt with a log entry.
    pub in_doubt: u64,
    /// Of those, settled by a handler's reconcile.
    pub settled: u64,
    /// Sealed entries fed again into a log that is apart from its store.
    pub relogged: u64,
}

/// A deterministic execution boundary. Any number of threads may call at once.
///
/// Dropping it lets no call begin any more, and closes the ledger. A handler must not execute on its own executor:
/// such an attempt is refused.
pub struct Executor(Owned<sys::openexec_executor>);

// SAFETY: "an executor may be used by any number of threads at once", and the parts are Send + Sync by their traits.
unsafe impl Send for Executor {}
// SAFETY: as above.
unsafe impl Sync for Executor {}

/// Takes the outcome of an attempt, or the error that there is instead.
fn answered(
    code: sys::openexec_code, outcome: *mut sys::openexec_outcome, why: *mut sys::openexec_error,
) -> Result<Outcome, Error> {
    // SAFETY: an out parameter.
    match (unsafe { Owned::take(outcome) }, no(code, why)) {
        (Some(outcome), _) => Ok(Outcome::new(outcome)),
        (None, Some(no)) => Err(no.into()),
        (None, None) => Err(Error::of(Code::StoreFailed, "the library gave no outcome")),
    }
}

impl Executor {
    /// Begins to say how an executor is to be.
    pub fn builder() -> Builder {
        // SAFETY: out parameters.
        Builder(Owned::make(|made, why| unsafe { sys::openexec_config_create(made, why) }))
    }

    pub(crate) fn raw(&self) -> *mut sys::openexec_executor {
        self.0.get()
    }

    /// One attempt. Answers only a yes: the action was approved, ran and returned a result, now or in the attempt that
    /// this one replays. Every no is an error that holds its outcome. Blocks until the answer is durable.
    pub fn execute(&self, request: &Request<'_>) -> Result<Outcome, Error> {
        self.attempt(request)?.into_result()
    }

    /// Makes one attempt and returns its outcome, whatever it is. Returns an error only if there is no outcome.
    pub fn attempt(&self, request: &Request<'_>) -> Result<Outcome, Error> {
        let options = request.options();
        let (mut outcome, mut why) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: a live executor, views that live for the call, and out parameters.
        let code = match request.json() {
            None => unsafe {
                sys::openexec_executor_execute(self.raw(), &request.parts(), &options, &mut outcome, &mut why)
            },
            Some(json) => unsafe {
                sys::openexec_executor_execute_json(self.raw(), json, &options, &mut outcome, &mut why)
            },
        };
        answered(code, outcome, why)
    }

    /// Many attempts at once from one thread: each has the meaning of a concurrent call of its own, and they share what
    /// makes them durable. Handlers run one after the other on this thread. Outcomes in the order of the requests.
    pub fn execute_many(&self, requests: &[Request<'_>]) -> Result<Vec<Outcome>, Error> {
        self.many(requests, None, ptr::null_mut())
    }

    /// The same, but `lend` is the callback executor that runs each handler as a [`Work`], for instance on the threads
    /// of a pool. Returns when all have run.
    pub fn execute_many_on<L: Fn(Work) + Sync>(
        &self, requests: &[Request<'_>], lend: &L,
    ) -> Result<Vec<Outcome>, Error> {
        self.many(requests, Some(lend_to::<L>), ptr::from_ref(lend).cast_mut().cast())
    }

    fn many(
        &self, requests: &[Request<'_>], lend: sys::openexec_callback_executor, me: *mut c_void,
    ) -> Result<Vec<Outcome>, Error> {
        let parts: Vec<_> = requests.iter().map(Request::parts).collect();
        let options: Vec<_> = requests.iter().map(Request::options).collect();
        let calls: Vec<_> = (0..requests.len())
            .map(|i| {
                let json = requests[i].json();
                sys::openexec_call {
                    size: std::mem::size_of::<sys::openexec_call>(),
                    request: if json.is_some() { ptr::null() } else { &parts[i] },
                    json: json.unwrap_or_else(|| crate::raw::optional(None)),
                    options: &options[i],
                }
            })
            .collect();
        let pointers: Vec<*const sys::openexec_call> = calls.iter().map(ptr::from_ref).collect();
        let mut outcomes = vec![ptr::null_mut(); requests.len()];
        let mut why = ptr::null_mut();
        // SAFETY: a live executor, arrays of that length, and what they point to lives for the call.
        let code = unsafe {
            sys::openexec_executor_execute_many(
                self.raw(),
                pointers.as_ptr(),
                pointers.len(),
                lend,
                me,
                outcomes.as_mut_ptr(),
                &mut why,
            )
        };
        let no = no(code, why);
        // SAFETY: out parameters.
        let found: Option<Vec<_>> =
            outcomes.into_iter().map(|outcome| unsafe { Owned::take(outcome) }.map(Outcome::new)).collect();
        match (found, no) {
            (Some(found), _) if !found.is_empty() => Ok(found),
            (_, Some(no)) => Err(no.into()),
            (Some(found), None) => Ok(found),
            (None, None) => Err(Error::of(Code::StoreFailed, "the library gave no outcome")),
        }
    }

    /// Halts, resumes or revokes. Once it has returned no handler is started against the order. Answers the outcome of
    /// verdict [`Verdict::Control`], with receipt hash and entry.
    pub fn order(&self, order: &Order<'_>) -> Result<Outcome, Error> {
        let raw = sys::openexec_order {
            size: std::mem::size_of::<sys::openexec_order>(),
            control: order.control.number(),
            active: i32::from(order.stands == Stands::FromNowOn),
            id: view(order.id),
            tenant: view(order.tenant),
            who: view(order.who),
            why: view(order.why),
        };
        let (mut outcome, mut why) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: a live executor, views that live for the call, and out parameters.
        let code = unsafe { sys::openexec_executor_order(self.raw(), &raw, &mut outcome, &mut why) };
        let detail = no(code, why);
        // SAFETY: an out parameter.
        match (unsafe { Owned::take(outcome) }.map(Outcome::new), detail) {
            (Some(outcome), None) => Ok(outcome),
            (Some(outcome), Some(no)) => Err(no.with(outcome).into()),
            (None, Some(no)) => Err(no.into()),
            (None, None) => Err(Error::of(Code::StoreFailed, "the library gave no outcome")),
        }
    }

    /// Halts everybody, on the host program's own account.
    pub fn halt(&self) -> Result<(), Error> {
        // SAFETY: a live executor; so below.
        ask(|why| unsafe { sys::openexec_executor_halt(self.raw(), why) })
    }

    /// Ends a halt of everybody, on the host program's own account.
    pub fn resume(&self) -> Result<(), Error> {
        ask(|why| unsafe { sys::openexec_executor_resume(self.raw(), why) })
    }

    /// Whether it is halted.
    pub fn halted(&self) -> bool {
        unsafe { sys::openexec_executor_halted(self.raw()) != 0 }
    }

    /// What was ordered and stands, for whichever tenant.
    pub fn controls(&self) -> Result<Vec<ControlName>, Error> {
        let mut found: Vec<ControlName> = Vec::new();
        ask(|why| unsafe {
            sys::openexec_executor_controls(
                self.raw(),
                Some(tables::visit_control),
                ptr::from_mut(&mut found).cast(),
                why,
            )
        })?;
        Ok(found)
    }

    /// Puts another trust policy in force, at once and whole. Where it fails, the old one stays.
    pub fn reload_trust_policy(&self, policy: &str) -> Result<(), Error> {
        ask(|why| unsafe { sys::openexec_executor_reload_trust_policy(self.raw(), view(policy), why) })
    }

    /// Whether an execution would be possible now; else what is in the way.
    pub fn ready(&self) -> Result<(), Error> {
        ask(|why| unsafe { sys::openexec_executor_ready(self.raw(), why) })
    }

    /// What was recovered when it was opened.
    pub fn recovered(&self) -> Result<Recovery, Error> {
        recovery(|found, why| unsafe { sys::openexec_executor_recovered(self.raw(), found, why) })
    }

    /// Recovers again: finds what another process of a shared store left behind since.
    pub fn recover(&self) -> Result<Recovery, Error> {
        recovery(|found, why| unsafe { sys::openexec_executor_recover(self.raw(), found, why) })
    }

    /// Its log, for reading. It stays readable after the executor is gone.
    pub fn log(&self) -> Result<Log, Error> {
        Log::of(self)
    }
}

fn recovery(
    call: impl FnOnce(*mut sys::openexec_recovery, *mut *mut sys::openexec_error) -> sys::openexec_code,
) -> Result<Recovery, Error> {
    let mut raw = sys::openexec_recovery {
        size: std::mem::size_of::<sys::openexec_recovery>(),
        in_doubt: 0,
        settled: 0,
        relogged: 0,
    };
    ask(|why| call(&mut raw, why))?;
    Ok(Recovery { in_doubt: raw.in_doubt, settled: raw.settled, relogged: raw.relogged })
}

/// A handler that is ready to run, from [`Executor::execute_many_on`]. It runs once, on any thread, when it is told to
/// run or else when it is dropped.
pub struct Work {
    run: unsafe extern "C" fn(*mut c_void),
    work: *mut c_void,
}

// SAFETY: "here or on another thread", by the header.
unsafe impl Send for Work {}

impl Work {
    /// Runs it.
    pub fn run(self) {}
}

impl Drop for Work {
    fn drop(&mut self) {
        // SAFETY: once, as there is one of it and it is not used after its drop.
        unsafe { (self.run)(self.work) }
    }
}

unsafe extern "C" fn lend_to<L: Fn(Work) + Sync>(
    me: *mut c_void, run: Option<unsafe extern "C" fn(*mut c_void)>, work: *mut c_void,
) {
    let Some(run) = run else { return };
    // A pool that panics drops the work, which runs it.
    // SAFETY: what `execute_many_on` handed over.
    tables::caught(|| unsafe { (*me.cast_const().cast::<L>())(Work { run, work }) });
}
