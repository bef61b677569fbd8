// SPDX-License-Identifier: Apache-2.0
//! Parts that are written in Rust, and what becomes of those that are written badly.
mod common;
use common::*;
use openexec::parts::*;
use openexec::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

fn keeps_the_promise(open: &dyn Fn(Builder) -> Builder, keeps_orders: bool) {
    let ran = Arc::new(AtomicUsize::new(0));
    let builder = || {
        let ran = Arc::clone(&ran);
        let count = move |_: &Invocation<'_>| Ok((ran.fetch_add(1, Ordering::Relaxed) + 1).to_string());
        open(Executor::builder()).verifier(OneWord).handler("count", count)
    };
    let executor = builder().open().unwrap();
    let approved = Request::new("count", "", "1").approval(r#"{"word":"please","id":"a-1"}"#);
    let attempts: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| executor.attempt(&approved).unwrap())).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert!(attempts.iter().all(|outcome| outcome.result() == "1") && ran.load(Ordering::Relaxed) == 1);
    assert_eq!(attempts.iter().filter(|outcome| outcome.replayed()).count(), 7);
    let code = |request: &Request<'_>| executor.attempt(request).unwrap().code();
    let approval = r#"{"word":"please","id":"a-1"}"#;
    assert_eq!(code(&Request::new("count", r#"{"o":1}"#, "1").approval(approval)), Code::NonceConflict);
    assert_eq!(code(&Request::new("count", "", "2").approval(approval)), Code::ApprovalSpent);
    assert_eq!(code(&Request::new("count", "", "3")), Code::ApprovalMissing);
    let no = executor.attempt(&Request::new("count", "", "3").approval(r#"{"word":"now"}"#)).unwrap();
    assert_eq!((no.code(), no.detail()), (Code::ApprovalSignatureInvalid, "not the word"));
    let log = executor.log().unwrap();
    let lines: Vec<_> = log.iter().map(|line| entry(&line.unwrap().json)).collect();
    assert_eq!(lines.len(), 12);
    assert_eq!(lines.iter().filter(|line| line["verdict"] == "replayed").count(), 7);
    let executed = lines.iter().find(|line| line["verdict"] == "executed").unwrap();
    assert_eq!(executed["approval"]["keys"][0], "word-key");
    assert!(log.find(&attempts[0].exec_id().parse().unwrap(), 3).unwrap().len() == 3);
    assert_eq!(log.checkpoint().unwrap_err().code(), Code::InvalidArgument); // it keeps no tree
    executor.order(&Order::revoke_approval("a-9", "ada", "drill")).unwrap();
    let stands = vec![ControlName { control: Control::RevokeApproval, id: "a-9".into(), tenant: String::new() }];
    assert_eq!(executor.controls().unwrap(), stands);
    drop(executor);
    let again = builder().open().unwrap(); // another executor on the same store
    assert!(again.attempt(&approved).unwrap().replayed());
    assert_eq!(again.controls().unwrap(), if keeps_orders { stands } else { vec![] });
}

#[test]
fn a_store_that_is_its_own_log_keeps_the_promise() {
    let store = MemoryStore::ledger();
    keeps_the_promise(&|builder| builder.store(Arc::clone(&store)), true);
}

#[test]
fn a_store_and_a_log_apart_keep_the_promise() {
    let (store, log) = (MemoryStore::apart(), Arc::new(MemoryLog::default()));
    keeps_the_promise(&|builder| builder.store(Arc::clone(&store)).log(Arc::clone(&log)), false);
}

#[test]
fn a_store_with_a_floor_takes_no_approval_that_is_older_or_does_not_tell_its_age() {
    let store = MemoryStore::ledger();
    *store.floor.lock().unwrap() = Some(1_000);
    let executor = echoing().store(store).verifier(OneWord).open().unwrap();
    for (nonce, age, code) in [
        ("1", "", Code::ApprovalSpent),
        ("2", r#","issued_at_us":1000"#, Code::ApprovalSpent),
        ("3", r#","issued_at_us":1001"#, Code::Ok),
    ] {
        let approval = format!(r#"{{"word":"please","id":"a-{nonce}"{age}}}"#);
        let request = Request::new("echo", "", nonce).approval(&approval);
        assert_eq!(executor.attempt(&request).unwrap().code(), code);
    }
}

#[test]
fn a_clock_and_a_hasher_in_rust_are_the_ones_that_count() {
    let store = MemoryStore::ledger();
    let executor = echoing().store(Arc::clone(&store)).clock(Arc::new(Fixed)).hasher(Lengths).open().unwrap();
    let outcome = executor.execute(&Request::new("echo", r#"{"a":1}"#, "1")).unwrap();
    let entry = entry(outcome.entry());
    assert_eq!(entry["observed_at"], "2026-03-01T12:00:00.000000Z");
    let hash = sha256(&Lengths.canonical("echo", r#"{"a":1}"#)).unwrap();
    assert_eq!(entry["request_hash"], hash.to_string());
    drop(executor);
    assert!(echoing().store(store).open().is_err()); // another hasher's
}

#[test]
fn a_store_that_fails_is_never_a_reason_to_run() {
    let (store, ran) = (MemoryStore::ledger(), Arc::new(AtomicUsize::new(0)));
    let inner = Arc::clone(&ran);
    let executor = echoing()
        .store(Arc::clone(&store))
        .handler("count", move |_| Ok(inner.fetch_add(1, Ordering::Relaxed).to_string()))
        .open()
        .unwrap();
    for broken in ["claim", "panic"] {
        *store.broken.lock().unwrap() = broken;
        let no = executor.execute(&Request::new("count", "", broken)).unwrap_err();
        assert!(matches!(no, Error::Fault(_)) && no.code() == Code::StoreFailed);
    }
    assert_eq!(ran.load(Ordering::Relaxed), 0);
    *store.broken.lock().unwrap() = "seal";
    let no = executor.execute(&Request::new("count", "", "seal")).unwrap_err();
    assert!(matches!(no, Error::Fault(_)) && no.detail().contains("in doubt"));
    *store.broken.lock().unwrap() = "";
    assert_ne!(executor.attempt(&Request::new("count", "", "seal")).unwrap().code(), Code::Ok);
    assert_eq!(ran.load(Ordering::Relaxed), 1);
}

/// Says what it was told to say.
struct Odd(fn() -> Result<Approval, No>);

impl Verifier for Odd {
    fn profile(&self) -> &str {
        "odd"
    }
    fn verify(&self, _proposal: &Proposal, _now_us: i64) -> Result<Approval, No> {
        (self.0)()
    }
}

#[test]
fn a_verifier_that_does_not_say_yes_has_said_no() {
    let odd: [fn() -> Result<Approval, No>; 6] = [
        || Ok(Approval { id: String::new(), ..Approval::default() }),
        || Ok(Approval { id: "a".into(), keys: vec![String::new()], issued_at_us: None }),
        || Err(No::new(Code::Ok, "")),
        || Err(No::new(Code::Halted, "")),
        || panic!("nobody"),
        || std::panic::panic_any(PanicsAgain),
    ];
    for say in odd {
        let ran = Arc::new(AtomicUsize::new(0));
        let inner = Arc::clone(&ran);
        let count = move |_: &Invocation<'_>| Ok(inner.fetch_add(1, Ordering::Relaxed).to_string());
        let executor = echoing().verifier(Odd(say)).handler("count", count).open().unwrap();
        let code = executor.attempt(&Request::new("count", "", "1").approval("{}")).unwrap().code();
        assert!(matches!(code, Code::ApprovalMalformed | Code::ApprovalSignatureInvalid), "{code}");
        assert_eq!(ran.load(Ordering::Relaxed), 0);
    }
}

struct PanicsAgain;

impl Drop for PanicsAgain {
    fn drop(&mut self) {
        panic!("again");
    }
}

/// A log that fails, or gives no UTF-8-sized nonsense, when it is told to.
#[derive(Default)]
struct OddLog {
    log: MemoryLog,
    broken: Mutex<bool>,
}

impl ReceiptLog for OddLog {
    fn append(&self, entry: &NewEntry<'_>) -> Result<u64, No> {
        if *self.broken.lock().unwrap() {
            return Err(No::failed("disk"));
        }
        self.log.append(entry)
    }
    fn count(&self) -> Result<u64, No> {
        self.log.count()
    }
    fn read(&self, first: u64, count: u64) -> Result<Vec<LogLine>, No> {
        let mut lines = self.log.read(first, count)?;
        if *self.broken.lock().unwrap() {
            lines.reverse();
            lines.iter_mut().for_each(|line| line.index += 7);
        }
        Ok(lines)
    }
    fn find(&self, exec_id: &Digest, count: u64) -> Result<Vec<LogLine>, No> {
        self.log.find(exec_id, count)
    }
}

#[test]
fn a_log_that_fails_or_gives_nonsense_gives_nobody_an_answer() {
    let log = Arc::new(OddLog::default());
    let executor = echoing().store(MemoryStore::apart()).log(Arc::clone(&log)).open().unwrap();
    executor.execute(&Request::new("echo", "", "1")).unwrap();
    *log.broken.lock().unwrap() = true;
    let no = executor.execute(&Request::new("echo", "", "2")).unwrap_err();
    assert!(matches!(no, Error::Fault(_)));
    assert!(executor.log().unwrap().iter().any(|line| line.is_err()));
    *log.broken.lock().unwrap() = false;
    let later = executor.attempt(&Request::new("echo", "", "2")).unwrap();
    assert!(later.code() != Code::Ok || later.replayed());
}

/// The same bytes for every request.
struct Constant;

impl Hasher for Constant {
    fn name(&self) -> &str {
        "constant"
    }
    fn canonical(&self, _action: &str, _payload: &str) -> Vec<u8> {
        b"same".to_vec()
    }
    fn digest(&self, bytes: &[u8]) -> Digest {
        sha256(bytes).unwrap()
    }
}

#[test]
fn a_part_that_fails_its_test_opens_nothing() {
    assert_eq!(echoing().hasher(Constant).open().err().unwrap().kind(), Kind::Misuse);
    let store = MemoryStore::ledger();
    *store.broken.lock().unwrap() = "pin";
    assert_eq!(echoing().store(store).open().err().unwrap().kind(), Kind::Fault);
}

/// A clock and a hasher that fail once they are trusted.
struct Fails(&'static str);

impl Clock for Fails {
    fn now_us(&self) -> i64 {
        panic!("no time")
    }
}

#[test]
fn a_clock_that_panics_ends_the_process() {
    if std::env::var_os("OPENEXEC_TEST_CLOCK").is_some() {
        let _ = echoing().clock(Fails("clock")).open().map(|executor| executor.attempt(&Request::new("echo", "", "1")));
        println!("went on");
        return;
    }
    let ended = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_clock_that_panics_ends_the_process", "--nocapture"])
        .env("OPENEXEC_TEST_CLOCK", Fails("clock").0)
        .output()
        .unwrap();
    assert!(!ended.status.success() && !String::from_utf8_lossy(&ended.stdout).contains("went on"));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("cannot unwind"));
}
