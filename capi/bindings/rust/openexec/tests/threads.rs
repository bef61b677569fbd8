// SPDX-License-Identifier: Apache-2.0
//! 64 threads, with replays and refusals mixed in: what they were told is what the log says.
mod common;
use common::*;
use openexec::parts::{Approval, No, Verifier};
use openexec::*;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

const THREADS: usize = 64;

/// Approves what says so: a signature for each of 640,000 requests would be the signer's test.
struct Yes;

impl Verifier for Yes {
    fn profile(&self) -> &str {
        "yes"
    }
    fn verify(&self, proposal: &Proposal, _now_us: i64) -> Result<Approval, No> {
        if proposal.artifact().is_empty() {
            return Err(No::new(Code::ApprovalMissing, "no artifact"));
        }
        let id = text(&entry(proposal.artifact())["id"]).to_owned();
        Ok(Approval { id, ..Approval::default() })
    }
}

/// xorshift64*: which request comes next is each thread's own, and the same in every run.
struct Choose(u64);

impl Choose {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}

type Counts = BTreeMap<(String, String), usize>;

#[test]
fn what_64_threads_were_told_is_what_the_log_says() {
    let each: usize = std::env::var("OPENEXEC_EXECUTIONS_EACH").map_or(200, |each| each.parse().unwrap());
    let folder = Folder::new();
    let ran: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let count = Arc::clone(&ran);
    let executor = Executor::builder()
        .ledger_path(folder.ledger())
        .tenant(TENANT)
        .verifier(Yes)
        .limit(Limit::RefusalsPerSecond, 1 << 31)
        .limit(Limit::ReplaysPerSecond, 1 << 31)
        .limit(Limit::InFlight, 4096)
        .handler("pay", move |call| {
            *count.lock().unwrap().entry(call.exec_id().to_owned()).or_default() += 1;
            if call.payload().contains("fail") {
                return Err(Failure::NoEffect("as asked".into()));
            }
            Ok(call.payload().to_owned())
        })
        .open()
        .unwrap();
    let together = Barrier::new(THREADS);
    let work = |number: usize| {
        let mut choose = Choose(number as u64 + 1);
        let mut told = Counts::new();
        together.wait();
        for i in 0..each {
            let own = format!("{number}-{i}");
            let shared = format!("s-{}", choose.below(each));
            let approval = |id: &str| json!({ "id": id }).to_string();
            let (action, payload, nonce, artifact) = match choose.below(8) {
                0..=2 => ("pay", json!({"own": own}), &own, approval(&own)), // a new one
                3..=4 => ("pay", json!({"shared": shared}), &shared, approval(&shared)), // once, then replayed
                5 => ("pay", json!({"own": own}), &own, String::new()),      // refused: no approval
                6 => ("unheard-of", json!({}), &own, String::new()),
                _ => ("pay", json!({"fail": own}), &own, approval(&own)), // a handler that fails
            };
            let payload = payload.to_string();
            let outcome = executor.attempt(&Request::new(action, &payload, nonce).approval(&artifact)).unwrap();
            if i % 97 == 0 {
                outcome.verify().unwrap();
            }
            *told.entry((outcome.verdict().name().into(), outcome.code().name().into())).or_default() += 1;
        }
        told
    };
    let work = &work;
    let mut total = Counts::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || work(number))).collect();
        for thread in threads {
            for (what, count) in thread.join().unwrap() {
                *total.entry(what).or_default() += count;
            }
        }
    });
    let mut logged = Counts::new();
    for line in executor.log().unwrap().iter() {
        let entry = entry(&line.unwrap().json);
        let what = (text(&entry["verdict"]).to_owned(), text(&entry["code"]).to_owned());
        *logged.entry(what).or_default() += entry["count"].as_u64().unwrap_or(1) as usize;
    }
    assert_eq!(total.values().sum::<usize>(), THREADS * each);
    assert_eq!(total, logged);
    let of = |verdict: &str, code: &str| total.get(&(verdict.to_owned(), code.to_owned())).copied().unwrap_or(0);
    let ran = ran.lock().unwrap();
    assert!(ran.values().all(|times| *times == 1)); // nothing ran twice
    assert_eq!(ran.len(), of("executed", "ok") + of("failed", "handler_failed"));
    for (verdict, code) in [
        ("executed", "ok"),
        ("replayed", "ok"),
        ("refused", "unknown_action"),
        ("refused", "approval_missing"),
        ("failed", "handler_failed"),
    ] {
        assert!(of(verdict, code) > 0, "{verdict} {code}");
    }
    println!("{THREADS} threads x {each}: {total:?}");
}
