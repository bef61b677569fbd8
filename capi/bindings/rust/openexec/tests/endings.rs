// SPDX-License-Identifier: Apache-2.0
//! How a program ends while a handler runs: its exit code is kept, its ledger is free, and nothing runs twice.
mod common;
use common::*;
use openexec::*;
use std::process::{Command, Output};

const FOLDER: &str = "OPENEXEC_TEST_FOLDER";
const WAY: &str = "OPENEXEC_TEST_WAY";

/// Ends the way that it is told, inside a handler, in a process of its own.
#[test]
fn ends_inside_a_handler() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let way = std::env::var(WAY).unwrap();
    let ends = move |_: &Invocation<'_>| -> Result<String, Failure> {
        match way.as_str() {
            "exit" => std::process::exit(7),
            "abort" => std::process::abort(),
            "main ends" => {
                std::thread::spawn(|| std::process::exit(8));
                loop {
                    std::thread::park();
                }
            }
            _ => panic!("as asked"),
        }
    };
    let ledger = std::path::Path::new(&folder).join("ledger.db");
    let executor = Executor::builder().demo().ledger_path(ledger).handler("act", ends).open().unwrap();
    let outcome = executor.attempt(&Request::new("act", "", "1")).unwrap();
    assert_eq!(outcome.code(), Code::InDoubt);
    std::process::exit(9); // the one way that comes back
}

fn ended(way: &str, folder: &Folder) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ends_inside_a_handler", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.ledger().parent().unwrap())
        .env(WAY, way)
        .output()
        .unwrap()
}

#[test]
fn a_program_keeps_its_exit_code_and_what_it_left_is_in_doubt_once() {
    for (way, code, left) in
        [("exit", Some(7), 1), ("main ends", Some(8), 1), ("panic", Some(9), 0), ("abort", None, 1)]
    {
        let folder = Folder::new();
        let found = ended(way, &folder);
        assert_eq!(found.status.code(), code, "{way}: {}", String::from_utf8_lossy(&found.stderr));
        for again in [left, 0] {
            let never = |_: &Invocation<'_>| -> Result<String, Failure> { unreachable!("it ran twice") };
            let ledger = folder.ledger().with_file_name("ledger.db");
            let executor = Executor::builder().demo().ledger_path(ledger).handler("act", never).open().unwrap();
            assert_eq!(executor.recovered().unwrap().in_doubt, again, "{way}");
            assert_eq!(executor.attempt(&Request::new("act", "", "1")).unwrap().code(), Code::InDoubt);
        }
    }
}
