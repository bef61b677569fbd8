// SPDX-License-Identifier: Apache-2.0
//! OpenExec's own vectors, through Rust.
mod common;
use base64ct::{Base64, Encoding};
use common::*;
use openexec::evidence::{self, Answer, Held, Step, Trust};
use openexec::*;
use serde_json::Value;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|place| u8::from_str_radix(&text[place..place + 2], 16).unwrap()).collect()
}

fn cases(file: &Value) -> &[Value] {
    file["cases"].as_array().unwrap()
}

#[test]
fn every_canonical_form_comes_out() {
    let file = vectors("canonical");
    let mut refused = 0;
    for case in cases(&file) {
        let given = unhex(text(&case["input_hex"]));
        if case.get("refuse").is_some() {
            let no = canonicalise(&given, Form::Jcs).unwrap_err();
            assert!(no.code() == Code::MalformedRequest && !no.detail().is_empty(), "{}", case["id"]);
            refused += 1;
            continue;
        }
        for (form, name) in [(Form::Jcs, "jcs"), (Form::ClawshieldV1, "clawshield_v1"), (Form::Display, "display")] {
            let found = canonicalise(&given, form).unwrap();
            assert_eq!(found, text(&case[name]), "{}", case["id"]);
            if let Some(hash) = case.get(format!("{name}_sha256")) {
                assert_eq!(sha256(found.as_bytes()).unwrap().to_string(), text(hash));
            }
        }
    }
    assert!(cases(&file).len() >= 590 && refused >= 40);
    println!("canonical: {} ({refused} refused)", cases(&file).len());
}

#[test]
fn every_payload_of_the_table_has_its_answer() {
    for case in cases(&vectors("payloads")) {
        let json = text(&case["json"]);
        let member = if json.is_empty() { String::new() } else { format!(", \"payload\": {json}") };
        let whole = format!("{{\"action\": \"echo\", \"nonce\": \"n\"{member}}}");
        for request in [Request::new("echo", json, "n"), Request::from_json(whole.as_bytes())] {
            match (Proposal::new(&request, TENANT), case.get("payload")) {
                (Ok(made), Some(wanted)) => assert_eq!(made.payload(), text(wanted), "{}", case["id"]),
                (Err(no), None) => assert_eq!(no.code(), Code::MalformedRequest, "{}", case["id"]),
                (other, _) => panic!("{}: {:?}", case["id"], other.err()),
            }
        }
    }
}

#[test]
fn every_identity_comes_out() {
    let file = vectors("identities");
    for case in cases(&file) {
        let payload = case["payload"].to_string();
        let request = Request::new(text(&case["action"]), &payload, text(&case["nonce"]));
        let proposal = Proposal::new(&request, text(&case["tenant"])).unwrap();
        assert_eq!(proposal.request_hash().unwrap().to_string(), text(&case["request_hash"]));
        assert_eq!(proposal.action_hash().unwrap().to_string(), text(&case["action_hash"]));
        assert_eq!(proposal.exec_id().unwrap().to_string(), text(&case["exec_id"]));
        assert_eq!(proposal.parameters_hash().unwrap(), sha256(proposal.payload().as_bytes()).unwrap());
        assert!(proposal.artifact_hash().unwrap().is_none() && proposal.artifact().is_empty());
        assert_eq!((proposal.tenant(), proposal.nonce()), (text(&case["tenant"]), text(&case["nonce"])));
    }
    assert!(cases(&file).len() >= 60);
    println!("identities: {}", cases(&file).len());
}

#[test]
fn every_receipt_verifies_and_no_other_does() {
    let file = vectors("receipts");
    for case in cases(&file) {
        let (exec_id, display, receipt) = (text(&case["exec_id"]), text(&case["display"]), text(&case["receipt"]));
        verify_receipt(exec_id, display, receipt).unwrap();
        let compact = canonicalise(display.as_bytes(), Form::ClawshieldV1).unwrap();
        verify_receipt(exec_id, &compact, receipt).unwrap();
        let other = format!("{}{}", if receipt.starts_with('0') { "1" } else { "0" }, &receipt[1..]);
        let no = |result: &str, receipt: &str| verify_receipt(exec_id, result, receipt).unwrap_err().code();
        assert_eq!(no(&format!("[{display}]"), receipt), Code::InvalidArgument);
        assert_eq!(no(display, &other), Code::InvalidArgument);
        assert_eq!(no(&format!("{display}]"), receipt), Code::MalformedRequest);
        assert_eq!(no(display, &receipt[1..]), Code::MalformedRequest);
    }
    assert!(cases(&file).len() >= 60);
    println!("receipts: {}", cases(&file).len());
}

/// The code's name, and who approved.
fn verdict(judged: Result<String, Error>) -> (&'static str, Option<Value>) {
    match judged {
        Ok(who) => ("ok", Some(entry(&who))),
        Err(no) => {
            assert!(!no.detail().is_empty());
            (no.code().name(), None)
        }
    }
}

/// JSON text as a vector has it: an absent artifact is the empty text.
fn json_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

#[test]
fn every_clawshield_approval_gets_its_code() {
    let file = vectors("approvals_v1");
    for case in cases(&file) {
        let (payload, artifact) = (case["payload"].to_string(), json_text(&case["artifact"]));
        let (code, who) = verdict(verify_clawshield_v1(
            text(&file["public_key"]),
            text(&case["tenant"]),
            text(&case["action"]),
            &payload,
            &artifact,
            micros(text(&case["now"])),
        ));
        assert_eq!(code, text(&case["expect"]), "{}", case["id"]);
        if let Some(who) = who {
            assert_eq!(who["profile"], "clawshield-v1");
            assert_eq!(who["id"], case["artifact"]["approval_id"]);
        }
    }
    assert!(cases(&file).len() >= 46);
    println!("approvals_v1: {}", cases(&file).len());
}

#[test]
fn every_dsse_approval_gets_its_code() {
    let file = vectors("approvals_dsse");
    let policy = json_text(&file["trust_policy"]);
    for case in cases(&file) {
        let (payload, artifact) = (case["payload"].to_string(), json_text(&case["artifact"]));
        let request = Request::new(text(&case["action"]), &payload, text(&case["nonce"])).approval(&artifact);
        let (code, who) = verdict(verify_trust_policy(
            &policy,
            text(&case["executor"]),
            text(&case["tenant"]),
            &request,
            micros(text(&case["now"])),
        ));
        assert_eq!(code, text(&case["expect"]), "{}", case["id"]);
        if let Some(who) = who {
            assert_eq!(who["keys"], case["keys"]);
        }
    }
    assert!(entry(&read_trust_policy(&policy).unwrap())["digest"].is_string());
    assert!(cases(&file).len() >= 37);
    println!("approvals_dsse: {}", cases(&file).len());
}

fn node(left: &Digest, right: &Digest) -> Digest {
    sha256(&[&[1][..], &left.0, &right.0].concat()).unwrap()
}

fn root_of(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => sha256(b"").unwrap(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node(&root_of(left), &root_of(right))
        }
    }
}

/// RFC 9162, 2.1.4.2.
fn consistent(first: usize, second: usize, roots: (Digest, Digest), proof: &[Digest]) -> bool {
    if first == second {
        return roots.0 == roots.1 && proof.is_empty();
    }
    let mut proof = proof.to_vec();
    if first.is_power_of_two() {
        proof.insert(0, roots.0);
    }
    let (mut from, mut to) = (first - 1, second - 1);
    while from & 1 == 1 {
        (from, to) = (from >> 1, to >> 1);
    }
    let (mut old, mut new) = (proof[0], proof[0]);
    for hash in &proof[1..] {
        if to == 0 {
            return false;
        }
        if from & 1 == 1 || from == to {
            (old, new) = (node(hash, &old), node(hash, &new));
            while from != 0 && from & 1 == 0 {
                (from, to) = (from >> 1, to >> 1);
            }
        } else {
            new = node(&new, hash);
        }
        (from, to) = (from >> 1, to >> 1);
    }
    to == 0 && (old, new) == roots
}

#[test]
fn the_log_has_its_leaf_hashes_roots_and_consistency_proofs() {
    let file = vectors("log");
    let entries = file["entries"].as_array().unwrap();
    let leaves: Vec<Digest> =
        entries.iter().map(|entry| sha256(&[&[0][..], text(entry).as_bytes()].concat()).unwrap()).collect();
    for ((leaf, entry), hash) in leaves.iter().zip(entries).zip(file["leaf_hashes"].as_array().unwrap()) {
        assert_eq!(leaf.to_string(), text(hash));
        assert_eq!(canonicalise(text(entry).as_bytes(), Form::Jcs).unwrap(), text(entry));
    }
    let roots = file["roots"].as_object().unwrap();
    for (size, root) in roots {
        assert_eq!(root_of(&leaves[..size.parse().unwrap()]).to_string(), text(root));
    }
    let proofs = file["consistency"].as_array().unwrap();
    for case in proofs {
        let size = |name: &str| case[name].as_u64().unwrap() as usize;
        let (first, second) = (size("from"), size("to"));
        let hashes: Vec<Digest> = (case["hashes"].as_array().unwrap().iter())
            .map(|hash| Digest(Base64::decode_vec(text(hash)).unwrap().try_into().unwrap()))
            .collect();
        let roots = (root_of(&leaves[..first]), root_of(&leaves[..second]));
        assert!(consistent(first, second, roots, &hashes), "{case}");
        assert!(hashes.is_empty() || !consistent(first, second, roots, &hashes[1..]));
    }
    assert_eq!((leaves.len(), roots.len(), proofs.len()), (300, 14, 78));
}

#[test]
fn every_proof_of_the_log_passes_and_has_the_cosignatures_of_its_checkpoint() {
    let file = vectors("log");
    let witness = |number: usize| text(&file["witness_vkeys"][number]);
    let policy = format!("witness w1 {}\nwitness w2 {}\ngroup both all w1 w2\nquorum both\n", witness(0), witness(1));
    let trust = Trust { log_key: Some(text(&file["log_vkey"])), policy: None };
    let proofs = file["proofs"].as_array().unwrap();
    for case in proofs {
        let (size, index) = (case["size"].as_u64().unwrap(), case["index"].as_u64().unwrap());
        let proof = text(&case["tlog_proof"]);
        assert!(proof.ends_with(text(&file["checkpoints"][size.to_string()])));
        let found = evidence::verify(proof, &trust, &Held::default()).unwrap();
        assert_eq!((found.answer, found.decided_by, found.detail.as_str()), (Answer::Pass, None, ""));
        assert_eq!((found.index, found.size, found.origin.as_str()), (Some(index), size, text(&file["origin"])));
        assert_eq!(found.root.to_string(), text(&file["roots"][size.to_string()]));
        assert_eq!(found.entry, text(&file["entries"][index as usize]));
        let trust = Trust { policy: Some(&policy), ..trust };
        let cosigned = evidence::verify(proof, &trust, &Held::default()).unwrap();
        let names: Vec<_> = cosigned.cosignatures.iter().map(|one| one.witness.as_str()).collect();
        assert_eq!(names, if size % 2 == 1 { vec!["w1", "w2"] } else { vec![] });
        assert_eq!(cosigned.answer, if size % 2 == 1 { Answer::Pass } else { Answer::Fail });
        let zero = "0".repeat(64);
        let held = Held { exec_id: Some(&zero), ..Held::default() };
        let other = evidence::verify(proof, &trust, &held).unwrap();
        assert_eq!(other.answer, Answer::Fail);
        assert_eq!(other.findings.iter().filter(|(step, _)| *step == Step::ExecId).count(), 1);
    }
    assert_eq!(proofs.len(), 42);
    println!("log: 300 entries, {} proofs", proofs.len());
}

/// The proof of an entry in a log that has no other. Nobody signed it: what is asked about is the entry.
fn alone(entry: &str, log_key: &str) -> String {
    let mut parts = log_key.split('+');
    let (name, id) = (parts.next().unwrap(), parts.next().unwrap());
    let id: Vec<u8> = (0..id.len()).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()).collect();
    let leaf = sha256(&[&[0][..], entry.as_bytes()].concat()).unwrap();
    let (entry, leaf) = (Base64::encode_string(entry.as_bytes()), Base64::encode_string(&leaf.0));
    let signature = Base64::encode_string(&[&id[..], &[0; 64][..]].concat());
    format!("c2sp.org/tlog-proof@v1\nextra {entry}\nindex 0\n\n{name}\n1\n{leaf}\n\n\u{2014} {name} {signature}\n")
}

#[test]
fn every_entry_of_version_2_is_read_and_no_other() {
    let (log, file) = (vectors("log"), vectors("entries_v2"));
    let log_key = text(&log["log_vkey"]);
    let trust = Trust { log_key: Some(log_key), policy: None };
    let of = |kind: &str| file[kind].as_array().unwrap().clone();
    for case in of("valid") {
        let found = evidence::verify(&alone(text(&case["text"]), log_key), &trust, &Held::default()).unwrap();
        assert_eq!((found.decided_by, found.entry.as_str()), (Some(Step::LogSignature), text(&case["text"])), "{case}");
    }
    for case in of("invalid") {
        let found = evidence::verify(&alone(text(&case["text"]), log_key), &trust, &Held::default()).unwrap();
        assert!(matches!(found.decided_by, Some(Step::Proof | Step::Entry)), "{case}");
    }
    assert!(of("valid").len() >= 31 && of("invalid").len() >= 212);
}

#[test]
fn every_tool_call_has_its_nonce_or_none() {
    let file = vectors("tool_calls");
    for case in cases(&file) {
        let occurrence = u32::try_from(case["occurrence"].as_u64().unwrap()).unwrap();
        let [conversation, turn, name, arguments] =
            ["conversation", "turn", "name", "arguments"].map(|member| text(&case[member]));
        let nonce = tool_call_nonce(conversation, turn, name, arguments, occurrence);
        match case.get("nonce") {
            Some(wanted) => assert_eq!(nonce.unwrap(), text(wanted), "{}", case["id"]),
            None => assert_eq!(nonce.unwrap_err().code(), Code::MalformedRequest, "{}", case["id"]),
        }
    }
    for made in file["turns"].as_array().unwrap() {
        let mut turn = Turn::new(text(&made["conversation"]), text(&made["turn"]));
        assert!(turn.next_nonce("pay", "[").is_err()); // not counted
        for call in made["calls"].as_array().unwrap() {
            assert_eq!(turn.next_nonce(text(&call["name"]), text(&call["arguments"])).unwrap(), text(&call["nonce"]));
        }
    }
    assert!(cases(&file).len() >= 30);
    assert!(Turn::new("c", "").next_nonce("pay", "").is_err());
}
