// SPDX-License-Identifier: Apache-2.0
//! What run.py times, in Rust.

use openexec::{Error, Executor, Request};
use std::borrow::Cow;
use std::time::Instant;

fn main() -> Result<(), Error> {
    let ledger = std::env::args().nth(1).expect("a ledger");
    let executor =
        Executor::builder().ledger_url(&ledger).demo().handler("send", |_| Ok(r#"{"sent":true}"#.into())).open()?;
    let mut made = 0;
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let (what, calls) = line.split_once(' ').expect("what, and how often");
        let start = Instant::now();
        for _ in 0..calls.parse().expect("a number") {
            let nonce = if what == "replay" { Cow::from("same") } else { Cow::from(format!("n-{made}")) };
            made += 1;
            let outcome = executor.execute(&Request::new("send", r#"{"amount":42,"to":"ada@example.com"}"#, &nonce))?;
            assert_eq!(outcome.receipt().len(), 64);
        }
        println!("{}", start.elapsed().as_nanos());
    }
    Ok(())
}
