// SPDX-License-Identifier: Apache-2.0
//! The boundary as a Rust program sees it.
mod common;
use common::*;
use openexec::evidence::{self, Answer, Finding, Held, Step, Trust};
use openexec::*;
use serde_json::{json, Value};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Barrier, Mutex};
use std::thread;

#[test]
fn an_execution_leaves_a_receipt_and_its_repetition_is_a_replay() {
    let executor = echoing().open().unwrap();
    let first = executor.execute(&Request::new("echo", r#"{"msg":"hé"}"#, "n-1")).unwrap();
    assert_eq!((first.code(), first.verdict(), first.effect()), (Code::Ok, Verdict::Executed, Effect::Confirmed));
    assert!(!first.replayed() && first.detail().is_empty() && first.http() == 200);
    assert_eq!(entry(first.result()), json!({"echo": {"msg": "hé"}}));
    first.verify().unwrap();
    assert_eq!(entry(first.entry())["exec_id"], first.exec_id());
    assert_eq!((first.entry_index(), first.action()), (Some(0), "echo"));
    let again = executor.execute(&Request::new("echo", r#"{ "msg" : "h\u00e9" }"#, "n-1")).unwrap();
    assert!(again.replayed() && again.receipt() == first.receipt() && again.verdict() == Verdict::Replayed);
    let log = executor.log().unwrap();
    let verdicts: Vec<_> = log.iter().map(|line| entry(&line.unwrap().json)["verdict"].clone()).collect();
    assert_eq!(verdicts, ["executed", "replayed"]);
    let found = log.find(&first.exec_id().parse().unwrap(), 100).unwrap();
    assert_eq!(found.iter().map(|line| line.index).collect::<Vec<_>>(), [0, 1]);
    drop(executor);
    assert_eq!(log.count().unwrap(), 2); // readable after its executor
}

#[test]
fn every_no_is_an_error_of_its_kind_with_its_outcome() {
    let executor = echoing().open().unwrap();
    let no = executor.execute(&Request::new("unheard-of", "", "n-1")).unwrap_err();
    assert!(matches!(no, Error::Refused(_)) && no.kind() == Kind::Refused);
    assert_eq!(no.code(), Code::UnknownAction);
    let outcome = no.outcome().unwrap();
    outcome.verify().unwrap();
    assert_eq!(entry(outcome.entry())["code"], "unknown_action");
    assert!(no.to_string().starts_with("unknown_action: "));
    assert_eq!(no.into_outcome().unwrap().verdict(), Verdict::Refused);
    let no = executor.execute(&Request::new("echo", "{", "n-2")).unwrap_err();
    assert!(matches!(no, Error::Misuse(_)) && no.code() == Code::MalformedRequest && no.detail().contains("payload"));
    executor.execute(&Request::new("echo", r#"{"n":1}"#, "n-3")).unwrap();
    let no = executor.execute(&Request::new("echo", r#"{"n":2}"#, "n-3")).unwrap_err();
    assert_eq!(no.code(), Code::NonceConflict);
    assert_eq!(executor.attempt(&Request::new("unheard-of", "", "n-1")).unwrap().code(), Code::UnknownAction);
}

#[test]
fn what_a_handler_says_is_what_it_says_of_the_world() {
    let executor = echoing()
        .handler("none", |_| Err(Failure::NoEffect("the address is unknown".into())))
        .handler("failed", |_| Err(Failure::Failed("half of it".into())))
        .handler("doubt", |_| Err(Failure::InDoubt("no answer".into())))
        .handler("panics", |_| panic!("secret of the payload"))
        .open()
        .unwrap();
    let say = |action: &str| executor.execute(&Request::new(action, "", action)).unwrap_err();
    let no = say("none");
    assert!(matches!(no, Error::Doubt(_)) && no.code() == Code::HandlerFailed);
    assert_eq!(no.outcome().unwrap().effect(), Effect::None);
    assert!(no.detail().contains("the address is unknown"));
    assert_eq!(say("failed").outcome().unwrap().effect(), Effect::Unknown);
    assert_eq!(say("doubt").code(), Code::InDoubt);
    let no = say("panics");
    assert_eq!((no.code(), no.outcome().unwrap().verdict()), (Code::InDoubt, Verdict::InDoubt));
    assert!(no.detail().contains("panicked") && !no.to_string().contains("secret"));
    assert!(executor.log().unwrap().iter().all(|line| !line.unwrap().json.contains("secret")));
    let again = say("panics"); // never run again, and told the same
    assert_eq!((again.code(), again.detail()), (Code::InDoubt, no.detail()));
    assert!(again.outcome().unwrap().advice().contains("may have run"));
}

#[test]
fn a_result_that_is_no_strict_json_is_kept_whole() {
    for said in ["", "{", "{} {}", r#"{"a":1,"a":2}"#, "NaN", "1152921504606846976", "\"\\ud800\"", "\u{feff}{}"] {
        let executor = echoing().handler("odd", move |_| Ok(said.to_owned())).open().unwrap();
        let first = executor.execute(&Request::new("odd", "", "1")).unwrap();
        let again = executor.execute(&Request::new("odd", "", "1")).unwrap();
        for outcome in [&first, &again] {
            assert_eq!(entry(outcome.result()), json!({ "text": said }));
            assert_eq!((outcome.result_form(), outcome.effect()), (ResultForm::Text, Effect::Confirmed));
            assert_eq!(entry(outcome.entry())["result_form"], ResultForm::Text.name());
        }
        assert!(first.advice().contains("This ran, once") && again.advice().contains("not run again"));
    }
    for value in ["null", "true", "-1.5", "\"é\"", "[]", r#"[1,{"a":[null]}]"#] {
        let executor = echoing().handler("value", move |_| Ok(value.to_owned())).open().unwrap();
        let outcome = executor.execute(&Request::new("value", "", "1")).unwrap();
        assert_eq!(entry(outcome.result()), entry(value));
    }
}

#[test]
fn an_approval_is_needed_fits_one_request_and_is_spent_by_it() {
    let approver = Approver::new();
    let executor = echoing().tenant(TENANT).clawshield(&approver.public_key(), TENANT).open().unwrap();
    let ada = Request::new("echo", r#"{"to":"ada"}"#, "1");
    assert_eq!(executor.execute(&ada).unwrap_err().code(), Code::ApprovalMissing);
    let approval = approver.approve("6f1a2c9e-3b54-4d0f-9a77-0c5e8d1b2f30", "echo", r#"{"to":"ada"}"#);
    let eve = Request::new("echo", r#"{"to":"eve"}"#, "1").approval(&approval);
    assert_eq!(executor.execute(&eve).unwrap_err().code(), Code::ApprovalHashMismatch);
    let ada = ada.approval(&approval);
    assert!(!executor.execute(&ada).unwrap().replayed());
    assert!(executor.execute(&ada).unwrap().replayed());
    let second = Request::new("echo", r#"{"to":"ada"}"#, "2").approval(&approval);
    assert_eq!(executor.execute(&second).unwrap_err().code(), Code::ApprovalSpent);
}

#[test]
fn a_request_is_one_json_object_as_well_and_its_nonce_may_stand_beside_it() {
    let executor = echoing().open().unwrap();
    let whole = br#"{"action":"echo","payload":{"n":1},"nonce":"j-1"}"#;
    executor.execute(&Request::from_json(whole)).unwrap();
    assert!(executor.execute(&Request::new("echo", r#"{"n":1}"#, "j-1")).unwrap().replayed());
    let without = br#"{"action":"echo","payload":{"n":1}}"#;
    assert!(executor.execute(&Request::from_json(without).nonce_beside("j-1")).unwrap().replayed());
    let no = executor.execute(&Request::from_json(whole).nonce_beside("j-2")).unwrap_err();
    assert_eq!(no.code(), Code::MalformedRequest);
    let proposal = Proposal::new(&Request::from_json(whole), "default").unwrap();
    assert_eq!((proposal.action(), proposal.nonce(), proposal.payload()), ("echo", "j-1", r#"{"n":1}"#));
}

#[test]
fn a_ledger_remembers_and_is_held_by_one() {
    let folder = Folder::new();
    let request = Request::new("echo", r#"{"n":1}"#, "1");
    let executor = echoing().ledger_path(folder.ledger()).open().unwrap();
    let receipt = executor.execute(&request).unwrap().receipt().to_owned();
    let url = format!("sqlite:///{}", folder.ledger().display());
    let no = echoing().ledger_url(&url).open().err().unwrap();
    assert!(matches!(no, Error::Fault(_)) && no.code() == Code::StoreFailed);
    drop(executor);
    let executor = echoing().ledger_url(&url).open().unwrap();
    let again = executor.execute(&request).unwrap();
    assert!(again.replayed() && again.receipt() == receipt);
    drop(executor);
    assert_eq!(Log::open(&url).unwrap().count().unwrap(), 2);
}

#[test]
fn a_portable_receipt_verifies_far_from_its_ledger() {
    let folder = Folder::new();
    let executor = echoing().ledger_path(folder.ledger()).log_origin("example.com/test").open().unwrap();
    let outcome = executor.execute(&Request::new("echo", r#"{"n":1}"#, "1").proof()).unwrap();
    let log = executor.log().unwrap();
    assert_eq!(log.prove(0).unwrap(), outcome.proof());
    assert!(log.cosigned().unwrap().is_none() && log.keep_cosigned("no note").is_err());
    let (key, checkpoint) = (log.verifier_key().unwrap(), log.checkpoint().unwrap());
    assert!(checkpoint.starts_with("example.com/test\n1\n"));
    assert_eq!(log.resource("checkpoint").unwrap().unwrap(), checkpoint.as_bytes());
    assert!(log.resource("tile/9/000").unwrap().is_none() && log.consistency(1, 1).unwrap().is_empty());
    assert_eq!(log.prove(7).unwrap_err().code(), Code::InvalidArgument);
    drop(executor);

    let trust = Trust { log_key: Some(&key), policy: None };
    let held = Held {
        payload: Some(r#"{"n":1}"#),
        nonce: Some("1"),
        action: Some("echo"),
        result: Some(outcome.result()),
        receipt: Some(outcome.receipt()),
        ..Held::default()
    };
    let found = evidence::verify(outcome.proof(), &trust, &held).unwrap();
    assert_eq!((found.answer, found.decided_by, found.index), (Answer::Pass, None, Some(0)));
    assert_eq!(found.entry, outcome.entry());
    assert!(found.findings.contains(&(Step::Cosignatures, Finding::NotAsked)));
    let other = evidence::verify(outcome.proof(), &trust, &Held { payload: Some(r#"{"n":2}"#), ..held }).unwrap();
    assert_eq!((other.answer, other.decided_by), (Answer::Fail, Some(Step::Payload)));
    let nobody = evidence::verify(outcome.proof(), &Trust::default(), &Held::default()).unwrap();
    assert_eq!(nobody.answer, Answer::Incomplete);
    let bad = |trust| evidence::verify(outcome.proof(), &trust, &Held::default()).unwrap_err();
    assert!(matches!(bad(Trust { log_key: Some("no key"), policy: None }), Error::Misuse(_)));
    assert!(matches!(bad(Trust { policy: Some(""), ..trust }), Error::Misuse(_)));
    // empty is not absent
}

#[test]
fn orders_halt_resume_and_revoke_with_who_and_why() {
    let executor = echoing().open().unwrap();
    let order = executor.order(&Order::halt("ada", "drill")).unwrap();
    assert_eq!(order.verdict(), Verdict::Control);
    assert_eq!(entry(order.entry())["control"]["who"], "ada");
    assert!(executor.halted() && executor.controls().unwrap() == [halt_name()]);
    assert_eq!(executor.execute(&Request::new("echo", "", "1")).unwrap_err().code(), Code::Halted);
    assert_eq!(executor.ready().unwrap_err().code(), Code::Halted);
    executor.order(&Order::resume("ada", "over")).unwrap();
    executor.halt().unwrap();
    executor.resume().unwrap();
    executor.ready().unwrap();
    assert!(!executor.halted());
    executor.execute(&Request::new("echo", "", "2")).unwrap();
    executor.order(&Order::revoke_approval("a-1", "ada", "stolen").tenant("acme")).unwrap();
    let stands = ControlName { control: Control::RevokeApproval, id: "a-1".into(), tenant: "acme".into() };
    assert_eq!(executor.controls().unwrap(), [stands]);
    let no = executor.order(&Order::revoke_key("k", "", "nobody")).unwrap_err();
    assert_eq!(no.kind(), Kind::Misuse);
}

#[test]
fn a_trust_policy_is_loaded_and_reloaded_whole() {
    let executor = echoing().trust_policy("").open().unwrap();
    let no = executor.execute(&Request::new("echo", "", "1").approval("{}")).unwrap_err();
    assert!(matches!(no.code(), Code::ApprovalKeyMissing | Code::ApprovalMalformed));
    assert_eq!(executor.ready().unwrap_err().code(), Code::ApprovalKeyMissing);
    assert_eq!(executor.reload_trust_policy(r#"{"nonsense":1}"#).unwrap_err().kind(), Kind::Misuse);
    executor.reload_trust_policy(&vectors("approvals_dsse")["trust_policy"].to_string()).unwrap();
    executor.ready().unwrap();
}

#[test]
fn events_tell_what_happened_and_a_listener_that_panics_stops_nothing() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    let executor = echoing()
        .events(move |event| {
            into.lock().unwrap().push((event.kind, event.verdict, event.exec_id.to_owned()));
            if event.kind == EventKind::Answered {
                std::panic::panic_any(AtomicUsize::new(0));
            }
        })
        .open()
        .unwrap();
    let outcome = executor.execute(&Request::new("echo", "", "1")).unwrap();
    drop(executor);
    let seen = seen.lock().unwrap();
    assert_eq!(
        seen.iter().map(|one| one.0).collect::<Vec<_>>(),
        [EventKind::Opened, EventKind::Answered, EventKind::Closed]
    );
    assert_eq!((seen[1].1, seen[1].2.as_str()), (Verdict::Executed, outcome.exec_id()));
}

#[test]
fn allow_list_and_limits_are_kept() {
    let executor = echoing().allowed_actions(&[]).open().unwrap();
    assert_eq!(executor.execute(&Request::new("echo", "", "1")).unwrap_err().code(), Code::ActionNotAllowed);
    let executor = echoing().limit(Limit::ResultBytes, 32).open().unwrap();
    let long = format!("{{\"long\":\"{}\"}}", "x".repeat(64));
    let cut = entry(executor.execute(&Request::new("echo", &long, "1")).unwrap().result());
    assert_eq!((&cut["truncated"], &cut["length"]), (&json!(true), &json!(long.len() + 9)));
    assert_eq!(cut["text"].as_str().unwrap().len(), 32);
    assert_eq!(echoing().limit(Limit::InFlight, u64::MAX).open().err().unwrap().kind(), Kind::Misuse);
}

#[test]
fn a_handler_knows_its_call_and_sees_that_it_was_cancelled() {
    let flag = Arc::new(Cancellation::new().unwrap());
    let inner = Arc::clone(&flag);
    let executor = Executor::builder()
        .ledger_url("sqlite://")
        .demo()
        .tenant(TENANT)
        .handler("look", move |call| {
            let before = call.cancelled();
            inner.cancel();
            let after = thread::scope(|scope| scope.spawn(|| call.cancelled()).join().unwrap());
            assert!(call.deadline_ns() > 0);
            Ok(json!([before, after, call.exec_id(), call.action(), call.tenant(), call.payload()]).to_string())
        })
        .open()
        .unwrap();
    let outcome = executor.execute(&Request::new("look", r#"{"b":1,"a":2}"#, "1").cancellation(&flag)).unwrap();
    assert_eq!(entry(outcome.result()), json!([false, true, outcome.exec_id(), "look", TENANT, r#"{"a":2,"b":1}"#]));
    assert!(flag.cancelled());
}

/// Pays, and knows afterwards whether it did.
struct Settles(Arc<AtomicUsize>);

impl Handler for Settles {
    fn run(&self, call: &Invocation<'_>) -> Result<String, Failure> {
        if std::env::var_os("OPENEXEC_TEST_DIES").is_some() {
            std::process::abort();
        }
        panic!("{} ran again", call.action());
    }
    fn reconcile(&self, settlement: &handler::Settlement<'_>) -> Result<String, Failure> {
        self.0.fetch_add(1, Ordering::Relaxed);
        match settlement.action {
            "pay" => Ok(r#"{"paid":true}"#.into()),
            _ => Err(Failure::NoEffect("never arrived".into())),
        }
    }
}

#[test]
fn a_reconcile_function_settles_what_a_killed_process_left() {
    let open = |path: &str| {
        let asked = Arc::new(AtomicUsize::new(0));
        let builder = Executor::builder().ledger_path(path).demo();
        let builder = builder.handler_with("pay", Settles(asked.clone())).handler_with("send", Settles(asked.clone()));
        (builder.open().unwrap(), asked)
    };
    if let Ok(given) = std::env::var("OPENEXEC_TEST_DIES") {
        let (path, action) = given.split_once(' ').unwrap();
        let _ = open(path).0.attempt(&Request::new(action, "", action));
        unreachable!("the handler ends the process");
    }
    let folder = Folder::new();
    let path = folder.ledger().display().to_string();
    for action in ["pay", "send"] {
        let died = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_reconcile_function_settles_what_a_killed_process_left"])
            .env("OPENEXEC_TEST_DIES", format!("{path} {action}"))
            .output()
            .unwrap();
        assert!(!died.status.success());
        let (executor, asked) = open(&path);
        assert_eq!(executor.recovered().unwrap(), Recovery { in_doubt: 1, settled: 1, relogged: 0 });
        assert_eq!(executor.recover().unwrap(), Recovery::default());
        let outcome = executor.attempt(&Request::new(action, "", action)).unwrap();
        assert!(outcome.replayed() && asked.load(Ordering::Relaxed) == 1);
        let told = (outcome.code(), outcome.effect());
        assert_eq!(
            told,
            if action == "pay" { (Code::Ok, Effect::Confirmed) } else { (Code::HandlerFailed, Effect::None) }
        );
    }
}

#[test]
fn callers_of_one_nonce_wait_for_the_first_or_do_not() {
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (inside, go) = (Arc::clone(&entered), Arc::clone(&leave));
    let executor = Arc::new(
        Executor::builder()
            .ledger_url("sqlite://")
            .demo()
            .handler("wait", move |_| {
                inside.wait();
                go.wait();
                Ok("null".into())
            })
            .open()
            .unwrap(),
    );
    let request = Request::new("wait", "", "same");
    thread::scope(|scope| {
        let calls: Vec<_> = (0..4).map(|_| scope.spawn(|| executor.attempt(&request).unwrap().replayed())).collect();
        entered.wait();
        assert_eq!(executor.attempt(&request.wait(Wait::Not)).unwrap().code(), Code::InProgress);
        let short = Wait::AtMost(std::time::Duration::from_millis(1));
        assert_eq!(executor.attempt(&request.wait(short)).unwrap().code(), Code::InProgress);
        leave.wait();
        let mut replayed: Vec<_> = calls.into_iter().map(|call| call.join().unwrap()).collect();
        replayed.sort_unstable();
        assert_eq!(replayed, [false, true, true, true]);
    });
}

#[test]
fn many_at_once_are_answered_in_order_on_this_thread_or_on_those_that_are_lent() {
    let executor = echoing().open().unwrap();
    let nonces: Vec<_> = (0..64).map(|i| format!("m-{i}")).collect();
    let payloads: Vec<_> = (0..64).map(|i| format!("{{\"i\":{i}}}")).collect();
    let mut requests: Vec<_> = (0..64).map(|i| Request::new("echo", &payloads[i], &nonces[i])).collect();
    requests[7] = Request::new("unheard-of", "", "m-x");
    requests[8] = Request::from_json(br#"{"action":"echo","payload":{"i":8},"nonce":"m-8"}"#);
    let of = |outcomes: &[Outcome]| -> Vec<Value> {
        outcomes.iter().map(|one| entry(one.result())["echo"]["i"].clone()).collect()
    };
    let outcomes = executor.execute_many(&requests).unwrap();
    assert_eq!(outcomes[7].code(), Code::UnknownAction);
    assert!(of(&outcomes).iter().enumerate().all(|(i, found)| i == 7 || *found == json!(i)));
    assert!(executor.execute_many(&[]).unwrap().is_empty());

    let others: Vec<_> = (0..64).map(|i| format!("o-{i}")).collect();
    let requests: Vec<_> = (0..64).map(|i| Request::new("echo", &payloads[i], &others[i])).collect();
    let (give, take) = mpsc::channel::<Work>();
    let pool = thread::spawn(move || take.iter().map(Work::run).count());
    let give = Mutex::new(give);
    let outcomes = executor
        .execute_many_on(&requests, &|work: Work| match outcomes_taken() {
            n if n % 16 == 3 => drop(work),                  // what is dropped runs as well
            n if n % 16 == 5 => panic!("a pool that fails"), // and what a panic drops
            _ => give.lock().unwrap().send(work).unwrap(),
        })
        .unwrap();
    drop(give);
    assert_eq!(pool.join().unwrap(), 56);
    assert!(of(&outcomes).iter().enumerate().all(|(i, found)| *found == json!(i)));
}

fn outcomes_taken() -> usize {
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    TAKEN.fetch_add(1, Ordering::Relaxed)
}

/// Costs what its payload says.
struct Priced;

impl Handler for Priced {
    fn run(&self, _call: &Invocation<'_>) -> Result<String, Failure> {
        Ok("null".into())
    }
    fn cost(&self, query: &handler::CostQuery<'_>) -> Result<i64, String> {
        entry(query.payload)["cost"].as_i64().ok_or_else(|| "no price".into())
    }
}

#[test]
fn a_handler_with_a_cost_registers_and_runs() {
    let executor = Executor::builder().ledger_url("sqlite://").demo().handler_with("buy", Priced).open().unwrap();
    executor.execute(&Request::new("buy", r#"{"cost":5}"#, "1")).unwrap();
}

/// Takes what has a recipient.
struct Checked(&'static str);

impl Handler for Checked {
    fn run(&self, _call: &Invocation<'_>) -> Result<String, Failure> {
        Ok("null".into())
    }
    fn payload_schema(&self) -> Option<String> {
        Some(self.0.into())
    }
}

#[test]
fn a_payload_that_does_not_satisfy_the_schema_is_refused_with_its_path() {
    let schema = r#"{"required":["to"],"properties":{"to":{"type":"string"}}}"#;
    let executor =
        Executor::builder().ledger_url("sqlite://").demo().handler_with("mail", Checked(schema)).open().unwrap();
    for (payload, detail) in [("", "/to is missing"), (r#"{"to":17}"#, "/to does not satisfy \"type\"")] {
        let no = executor.execute(&Request::new("mail", payload, "n-1")).unwrap_err();
        assert_eq!(no.code(), Code::PayloadSchema);
        assert!(no.detail().contains(detail) && !no.detail().contains("17"), "{no}");
    }
    executor.execute(&Request::new("mail", r#"{"to":"ada"}"#, "n-1")).unwrap();

    let unchecked = Checked(r#"{"properties":{"to":{"format":"email"}}}"#);
    let no = Executor::builder().ledger_url("sqlite://").demo().handler_with("mail", unchecked).open().err().unwrap();
    assert_eq!(no.code(), Code::InvalidArgument);
    assert!(no.detail().contains("/properties/to/format"), "{no}");
}

/// Nothing happens at its first attempt.
struct Retries;

impl Handler for Retries {
    fn run(&self, call: &Invocation<'_>) -> Result<String, Failure> {
        match call.attempt() {
            1 => Err(Failure::NoEffect("closed".into())),
            attempt => Ok(attempt.to_string()),
        }
    }
    fn retry_none(&self) -> u32 {
        1
    }
}

#[test]
fn a_handler_that_retries_runs_again_after_nothing_happened_and_sees_its_attempt() {
    let executor = Executor::builder().ledger_url("sqlite://").demo().handler_with("try", Retries).open().unwrap();
    let request = Request::new("try", "", "n");
    let no = executor.execute(&request).unwrap_err();
    assert_eq!(no.code(), Code::HandlerFailed);
    assert!(no.outcome().is_some_and(|first| first.attempt() == 1 && first.may_retry()));
    let again = executor.execute(&request).unwrap();
    assert!(again.attempt() == 2 && !again.may_retry() && !again.replayed());
    assert_eq!(again.result(), "2");
}

#[test]
fn versions_features_and_names_are_the_librarys() {
    assert!(version().starts_with("0.1."));
    assert!(has_feature("sqlite") && !has_feature("telepathy"));
    assert_eq!(Code::ALL.len(), 30);
    for code in Code::ALL {
        assert_eq!(Code::from_name(code.name()), Some(*code));
        let snake: String = format!("{code:?}").chars().fold(String::new(), |mut name, letter| {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
            name
        });
        assert_eq!(code.name(), snake);
    }
    assert_eq!(Code::from_name("ok ").map(Code::number), None);
    assert_eq!((Verdict::InDoubt.name(), Effect::None.name()), ("in_doubt", "none"));
    assert_eq!((Code::Halted.http(), Code::Ok.kind()), (503, Kind::Ok));
}
