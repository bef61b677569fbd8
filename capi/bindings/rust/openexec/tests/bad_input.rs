// SPDX-License-Identifier: Apache-2.0
//! Whatever a program does wrong that its types let it do, it gets an error: no crash and no leak.
mod common;
use common::*;
use openexec::evidence::{self, Held, Trust};
use openexec::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock, Weak};
use std::thread;

fn misused<T>(what: Result<T, Error>) {
    let no = what.err().expect("an error");
    assert!(matches!(no, Error::Misuse(_)) && !no.detail().is_empty(), "{no}");
}

#[test]
fn settings_that_are_none_are_said_at_the_opening() {
    misused(Executor::builder().open()); // neither ledger nor verifier
    misused(Executor::builder().ledger_url("sqlite://").open());
    misused(Executor::builder().demo().open());
    misused(echoing().tenant("").open());
    misused(echoing().name("").open());
    misused(echoing().ledger_url("telepathy://").open());
    misused(echoing().ledger_url("").open());
    misused(echoing().clawshield("no key", TENANT).open());
    misused(echoing().trust_policy("{").open());
    misused(echoing().log_origin("with space").open());
    misused(echoing().handler("echo", echo).open()); // taken
    misused(echoing().handler("", echo).open());
    misused(echoing().handler("no spaces", echo).open());
    misused(echoing().limit(Limit::RequestDepth, 10_000).open());
    assert!(echoing().ledger_path("/nowhere/at/all.db").open().is_err());
    // The first thing that was wrong is what is said.
    let no = echoing().tenant("").clawshield("no key", TENANT).open().err().unwrap();
    assert!(no.detail().contains("tenant"), "{no}");
}

#[test]
fn requests_that_are_none_are_malformed_and_leave_a_receipt() {
    let executor = echoing().open().unwrap();
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let long = "n".repeat(256);
    let bodies: &[(&str, &str, &str)] = &[
        ("", "", "1"),
        ("no spaces", "", "1"),
        ("echo", "[]", "1"),
        ("echo", "{\"a\":1,\"a\":2}", "1"),
        ("echo", "{\"a\":NaN}", "1"),
        ("echo", "{} {}", "1"),
        ("echo", &deep, "1"),
        ("echo", "", ""),
        ("echo", "", "\n"),
        ("echo", "", &long),
        ("echo", "\"\\ud800\"", "1"),
        ("echo\0", "", "1"),
    ];
    for (action, payload, nonce) in bodies {
        let outcome = executor.attempt(&Request::new(action, payload, nonce)).unwrap();
        assert_eq!(outcome.code(), Code::MalformedRequest, "{action} {payload} {nonce}");
        outcome.verify().unwrap();
        assert!(outcome.exec_id().is_empty() && !outcome.entry().is_empty());
    }
    for json in [&b""[..], b"{", b"\xff\xfe", b"{\"action\":\"\xc3\x28\"}", b"[]", b"null", &[b'['; 100_000]] {
        let answered = executor.attempt(&Request::from_json(json));
        let code = answered.map_or_else(|no| no.code(), |outcome| outcome.code());
        assert!(matches!(code, Code::MalformedRequest | Code::InvalidArgument));
        misused(Proposal::new(&Request::from_json(json), TENANT));
        misused(canonicalise(json, Form::Jcs).and_then(|_| Err::<(), _>(verify_receipt("x", "", "").unwrap_err())));
    }
    let no = executor.attempt(&Request::new("echo", "", "1").approval("[]")).unwrap();
    assert_eq!(no.code(), Code::MalformedRequest);
    misused("0".repeat(63).parse::<Digest>());
    misused("G".repeat(64).parse::<Digest>());
    misused(evidence::verify("", &Trust { log_key: Some("x"), policy: None }, &Held::default()));
    misused(read_trust_policy("{}"));
    assert!(Log::open("sqlite:////nowhere/at/all.db").is_err());
}

#[test]
fn a_handler_must_not_execute_on_its_own_executor_and_may_drop_it() {
    let own: Arc<OnceLock<Weak<Executor>>> = Arc::default();
    let holder: Arc<Mutex<Option<Arc<Executor>>>> = Arc::default();
    let (inner, held) = (Arc::clone(&own), Arc::clone(&holder));
    let executor = echoing()
        .handler("again", move |_| {
            let me = inner.get().unwrap().upgrade().unwrap();
            let no = me.attempt(&Request::new("echo", "", "inner")).unwrap();
            assert_eq!((no.code(), no.verdict()), (Code::InvalidArgument, Verdict::Refused));
            held.lock().unwrap().take(); // one of the last two
            Ok("\"dropped\"".into())
        })
        .open()
        .unwrap();
    let executor = Arc::new(executor);
    own.set(Arc::downgrade(&executor)).unwrap();
    *holder.lock().unwrap() = Some(Arc::clone(&executor));
    let outcome = executor.attempt(&Request::new("again", "", "outer")).unwrap();
    assert_eq!(outcome.result(), "\"dropped\"");
    assert_eq!(Arc::strong_count(&executor), 1);
}

#[test]
fn a_handler_may_execute_on_another_executor() {
    let inner = echoing().open().unwrap();
    let outer = echoing()
        .handler("nest", move |call| {
            let outcome = inner
                .execute(&Request::new("echo", call.payload(), "1"))
                .map_err(|no| Failure::Failed(no.to_string()))?;
            Ok(outcome.result().to_owned())
        })
        .open()
        .unwrap();
    assert_eq!(outer.execute(&Request::new("nest", r#"{"a":1}"#, "1")).unwrap().result(), r#"{"echo": {"a": 1}}"#);
}

#[test]
fn the_last_owner_may_go_while_a_call_is_inside() {
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (inside, go) = (Arc::clone(&entered), Arc::clone(&leave));
    let closed = Arc::new(AtomicUsize::new(0));
    let ended = Arc::clone(&closed);
    let executor = Arc::new(
        echoing()
            .handler("wait", move |_| {
                inside.wait();
                go.wait();
                Ok("\"done\"".into())
            })
            .events(move |event| {
                ended.fetch_add(usize::from(event.kind == EventKind::Closed), Ordering::Relaxed);
            })
            .open()
            .unwrap(),
    );
    let caller = Arc::clone(&executor);
    let call = thread::spawn(move || caller.attempt(&Request::new("wait", "", "1")).unwrap());
    entered.wait();
    drop(executor);
    assert_eq!(closed.load(Ordering::Relaxed), 0);
    leave.wait();
    let outcome = call.join().unwrap();
    assert_eq!((outcome.code(), outcome.result()), (Code::Ok, "\"done\""));
    assert_eq!(closed.load(Ordering::Relaxed), 1);
}

/// Counts its end.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn what_was_handed_over_is_dropped_once_with_the_executor_or_its_builder() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let counted = || Counted(Arc::clone(&dropped));
    let with = |builder: Builder, action: &str| {
        let (handler, events) = (counted(), counted());
        builder
            .handler(action, move |_| {
                let _ = &handler;
                Ok("null".into())
            })
            .events(move |_| {
                let _ = &events;
            })
    };
    let executor = with(echoing(), "counted").open().unwrap();
    executor.execute(&Request::new("counted", "", "1")).unwrap();
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
    let log = executor.log().unwrap();
    drop(executor);
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
    drop(log);
    drop(with(echoing(), "counted")); // never opened
    assert_eq!(dropped.load(Ordering::Relaxed), 4);
    misused(with(echoing(), "echo").open()); // refused: not kept either
    assert_eq!(dropped.load(Ordering::Relaxed), 6);
}

fn rss_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn ten_thousand_executors_are_opened_and_closed_without_a_leak() {
    let some = |count: usize| {
        for i in 0..count {
            let executor = echoing().open().unwrap();
            let payload = format!("{{\"i\":{i}}}");
            executor.execute(&Request::new("echo", &payload, "1")).unwrap();
            assert_eq!(executor.log().unwrap().count().unwrap(), 1);
        }
    };
    let all = std::env::var("OPENEXEC_EXECUTORS").map_or(10_000, |count| count.parse().unwrap());
    some(all / 20); // whatever is made once has been made
    let before = rss_kib();
    some(all - all / 20);
    let grew = rss_kib().saturating_sub(before);
    let sanitized = std::env::var("OPENEXEC_SANITIZE").is_ok_and(|with| !with.is_empty()); // keeps what was freed
    assert!(grew < 20_000 || sanitized, "{grew} KiB resident");
}
