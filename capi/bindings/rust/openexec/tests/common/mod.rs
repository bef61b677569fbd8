// SPDX-License-Identifier: Apache-2.0
//! What the tests share: the repository's vectors, executors that echo, an approver with a key, and parts in Rust.
#![allow(dead_code)]

use base64ct::{Base64, Encoding};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::EncodePublicKey;
use ed25519_dalek::{Signer, SigningKey};
use openexec::parts::*;
use openexec::{Builder, Code, Control, ControlName, Digest, Executor, Invocation, LogLine, Proposal, Request};
use serde_json::{json, Value};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub const TENANT: &str = "acme";

pub fn vectors(name: &str) -> Value {
    let folder = std::env::var_os("OPENEXEC_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../tests/vectors"), PathBuf::from);
    let file = folder.join(format!("{name}.json"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    serde_json::from_str(&text).unwrap()
}

pub fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

/// RFC 3339, in UTC or with an offset, to microseconds.
pub fn micros(at: &str) -> i64 {
    let (date, rest) = at.split_once('T').unwrap();
    let (clock, offset) = match rest.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => {
            let (clock, zone) = rest.split_at(rest.len() - 6);
            let part = |range: std::ops::Range<usize>| zone[range].parse::<i64>().unwrap();
            (clock, (part(1..3) * 60 + part(4..6)) * if zone.starts_with('-') { -60 } else { 60 })
        }
    };
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let numbers: Vec<i64> = date.split('-').chain(whole.split(':')).map(|n| n.parse().unwrap()).collect();
    let [year, month, day, hour, minute, second] = numbers[..] else { panic!("{at}") };
    // Days from the civil date, with March as the first month.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    seconds * 1_000_000 + format!("{fraction:0<6}")[..6].parse::<i64>().unwrap()
}

/// A folder of its own, removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("openexec-rust-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub fn ledger(&self) -> PathBuf {
        self.0.join("ledger.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn echo(call: &Invocation<'_>) -> Result<String, openexec::Failure> {
    Ok(format!("{{\"echo\":{}}}", call.payload()))
}

/// A builder with a handler that echoes.
pub fn echoing() -> Builder {
    Executor::builder().ledger_url("sqlite://").demo().handler("echo", echo)
}

/// Signs clawshield-v1 approvals, with another's implementation of Ed25519.
pub struct Approver(SigningKey);

impl Approver {
    pub fn new() -> Self {
        Self(SigningKey::from_bytes(&[7; 32]))
    }

    pub fn public_key(&self) -> String {
        self.0.verifying_key().to_public_key_pem(LineEnding::LF).unwrap()
    }

    /// `id`: a UUID. Valid from 2026 to 2126.
    pub fn approve(&self, id: &str, action: &str, payload: &str) -> String {
        let request = Request::new(action, payload, "any");
        let hash = Proposal::new(&request, TENANT).unwrap().action_hash().unwrap().to_string();
        let (issued, expires) = ("2026-01-01T00:00:00Z", "2126-01-01T00:00:00Z");
        let signature = self.0.sign(format!("{id}{TENANT}{hash}{issued}{expires}").as_bytes());
        json!({"approval_id": id, "tenant_id": TENANT, "action_hash": hash, "issued_at": issued,
               "expires_at": expires, "signature": Base64::encode_string(&signature.to_bytes())})
        .to_string()
    }
}

/// Approves what says the word.
pub struct OneWord;

impl Verifier for OneWord {
    fn profile(&self) -> &str {
        "one-word"
    }

    fn verify(&self, proposal: &Proposal, _now_us: i64) -> Result<Approval, No> {
        if proposal.artifact().is_empty() {
            return Err(No::new(Code::ApprovalMissing, "no artifact"));
        }
        let artifact: Value = serde_json::from_str(proposal.artifact()).unwrap();
        if artifact["word"] != "please" {
            return Err(No::new(Code::ApprovalSignatureInvalid, "not the word"));
        }
        let issued_at_us = artifact["issued_at_us"].as_i64();
        Ok(Approval { id: text(&artifact["id"]).to_owned(), keys: vec!["word-key".into()], issued_at_us })
    }
}

#[derive(Default)]
struct Lines {
    lines: Vec<(LogLine, Digest)>,
    attempts: HashMap<Digest, u64>,
    latest: i64,
}

impl Lines {
    fn append(&mut self, entry: &NewEntry<'_>) -> Result<u64, No> {
        if entry.json.is_empty() || entry.json.len() > 65_535 {
            return Err(No::new(Code::InvalidArgument, "1 to 65,535 bytes"));
        }
        if let Some(index) = self.attempts.get(&entry.attempt) {
            return Ok(*index);
        }
        let index = self.lines.len() as u64;
        let leaf_hash = openexec::sha256(&[b"\0", entry.json.as_bytes()].concat()).unwrap();
        self.lines.push((LogLine { index, leaf_hash, json: entry.json.to_owned() }, entry.exec_id));
        if entry.attempt != Digest::NONE {
            self.attempts.insert(entry.attempt, index);
        }
        self.latest = self.latest.max(entry.at_us);
        Ok(index)
    }
}

/// A log in memory.
#[derive(Default)]
pub struct MemoryLog(Mutex<Lines>);

impl ReceiptLog for MemoryLog {
    fn append(&self, entry: &NewEntry<'_>) -> Result<u64, No> {
        self.0.lock().unwrap().append(entry)
    }
    fn count(&self) -> Result<u64, No> {
        Ok(self.0.lock().unwrap().lines.len() as u64)
    }
    fn read(&self, first: u64, count: u64) -> Result<Vec<LogLine>, No> {
        let lines = self.0.lock().unwrap();
        Ok(lines.lines.iter().skip(first as usize).take(count as usize).map(|(line, _)| line.clone()).collect())
    }
    fn find(&self, exec_id: &Digest, count: u64) -> Result<Vec<LogLine>, No> {
        let lines = self.0.lock().unwrap();
        let of = lines.lines.iter().filter(|(_, id)| id == exec_id).take(count as usize);
        Ok(of.map(|(line, _)| line.clone()).collect())
    }
}

#[derive(Default)]
struct Rows {
    records: HashMap<(String, String), Record>,
    spent: HashMap<(String, String), String>,
    pins: HashMap<String, String>,
    outbox: Vec<Unlogged>,
    standing: BTreeSet<ControlName>,
    latest: i64,
}

/// A store in memory: with a log of its own, or an outbox for one apart.
#[derive(Default)]
pub struct MemoryStore {
    rows: Mutex<Rows>,
    log: Option<MemoryLog>,
    /// What fails, as a test wants it.
    pub broken: Mutex<&'static str>,
    /// As a store that was restored has one.
    pub floor: Mutex<Option<i64>>,
}

impl MemoryStore {
    pub fn ledger() -> Arc<Self> {
        Arc::new(Self { log: Some(MemoryLog::default()), ..Self::default() })
    }

    pub fn apart() -> Arc<Self> {
        Arc::new(Self::default())
    }

    fn breaks(&self, what: &str) -> Result<(), No> {
        let broken = *self.broken.lock().unwrap(); // not held in a panic
        match broken {
            broken if broken == what => Err(No::failed("disk")),
            "panic" if what == "claim" => panic!("disk"),
            _ => Ok(()),
        }
    }

    fn enter(&self, json: &str, exec_id: Digest, at_us: i64) -> Result<Option<u64>, No> {
        let attempt = openexec::sha256(json.as_bytes()).unwrap();
        self.log.as_ref().map(|log| log.append(&NewEntry { json, exec_id, attempt, at_us })).transpose()
    }
}

impl NonceStore for MemoryStore {
    fn claim(&self, claim: &Claim<'_>) -> Result<ClaimAnswer, No> {
        self.breaks("claim")?;
        let mut rows = self.rows.lock().unwrap();
        let key = (claim.tenant.to_owned(), claim.nonce.to_owned());
        if let Some(record) = rows.records.get(&key) {
            let same = record.request_hash == claim.request_hash;
            return Ok(if same { ClaimAnswer::Exists(Box::new(record.clone())) } else { ClaimAnswer::NonceConflict });
        }
        if !claim.approval_id.is_empty() {
            let approval = (claim.tenant.to_owned(), claim.approval_id.to_owned());
            if rows.spent.contains_key(&approval) {
                return Ok(ClaimAnswer::ApprovalSpent);
            }
            rows.spent.insert(approval, claim.nonce.to_owned());
        }
        rows.records.insert(key, Record::claimed(claim));
        rows.latest = rows.latest.max(claim.at_us);
        Ok(ClaimAnswer::Fresh)
    }

    fn find(&self, tenant: &str, nonce: &str) -> Result<Option<Record>, No> {
        Ok(self.rows.lock().unwrap().records.get(&(tenant.to_owned(), nonce.to_owned())).cloned())
    }

    fn seal(&self, seal: &Seal<'_>) -> Result<Option<u64>, No> {
        self.breaks("seal")?;
        let mut rows = self.rows.lock().unwrap();
        let record = rows.records.get_mut(&(seal.tenant.to_owned(), seal.nonce.to_owned()));
        let Some(record) = record.filter(|record| record.state != State::Sealed) else {
            return Err(No::new(Code::InvalidArgument, "not claimed"));
        };
        let entry = self.enter(seal.entry, seal.exec_id, seal.at_us)?;
        (record.state, record.code, record.effect) = (seal.state, seal.code, seal.effect);
        (record.result, record.entry) = (seal.result.to_owned(), entry);
        if entry.is_none() {
            rows.outbox.push(Unlogged {
                tenant: seal.tenant.to_owned(),
                nonce: seal.nonce.to_owned(),
                exec_id: seal.exec_id,
                entry: seal.entry.to_owned(),
            });
        }
        rows.latest = rows.latest.max(seal.at_us);
        Ok(entry)
    }

    fn orphans(&self) -> Result<Vec<Record>, No> {
        let rows = self.rows.lock().unwrap();
        Ok(rows.records.values().filter(|record| record.state == State::Claimed).cloned().collect())
    }

    fn pin(&self, key: &str, value: &str) -> Result<(), No> {
        self.breaks("pin")?;
        let mut rows = self.rows.lock().unwrap();
        match rows.pins.entry(key.to_owned()).or_insert_with(|| value.to_owned()) {
            pinned if pinned == value => Ok(()),
            _ => Err(No::failed("another value is pinned")),
        }
    }

    fn latest(&self) -> Result<i64, No> {
        let own = self.log.as_ref().map_or(0, |log| log.0.lock().unwrap().latest);
        Ok(self.rows.lock().unwrap().latest.max(own))
    }

    fn ready(&self) -> Result<(), No> {
        Ok(())
    }

    fn floor(&self) -> Result<Option<i64>, No> {
        Ok(*self.floor.lock().unwrap())
    }

    fn as_log(&self) -> Option<&dyn ReceiptLog> {
        self.log.as_ref().map(|log| log as &dyn ReceiptLog)
    }

    fn unlogged(&self) -> Result<Vec<Unlogged>, No> {
        Ok(self.rows.lock().unwrap().outbox.clone())
    }

    fn logged(&self, tenant: &str, nonce: &str, index: u64) -> Result<(), No> {
        let mut rows = self.rows.lock().unwrap();
        rows.outbox.retain(|one| (one.tenant.as_str(), one.nonce.as_str()) != (tenant, nonce));
        if let Some(record) = rows.records.get_mut(&(tenant.to_owned(), nonce.to_owned())) {
            record.entry = Some(index);
        }
        Ok(())
    }

    fn as_controls(&self) -> Option<&dyn Controls> {
        self.log.as_ref().map(|_| self as &dyn Controls)
    }
}

impl Controls for MemoryStore {
    fn control(&self, change: &ControlChange<'_>) -> Result<Option<u64>, No> {
        let name = ControlName { control: change.control, id: change.id.into(), tenant: change.tenant.into() };
        let mut rows = self.rows.lock().unwrap();
        match change.stands {
            Stands::FromNowOn => rows.standing.insert(name),
            Stands::NoMore => rows.standing.remove(&name),
        };
        self.enter(change.entry, Digest::NONE, change.at_us)
    }

    fn controls(&self) -> Result<Vec<ControlName>, No> {
        Ok(self.rows.lock().unwrap().standing.iter().cloned().collect())
    }
}

/// A hasher that is another's: lengths before the parts.
pub struct Lengths;

impl Hasher for Lengths {
    fn name(&self) -> &str {
        "lengths"
    }
    fn canonical(&self, action: &str, payload: &str) -> Vec<u8> {
        format!("{}:{action}{}:{payload}", action.len(), payload.len()).into_bytes()
    }
    fn digest(&self, bytes: &[u8]) -> Digest {
        openexec::sha256(bytes).unwrap()
    }
}

/// Noon of the first of March 2026, for ever.
pub struct Fixed;

impl Clock for Fixed {
    fn now_us(&self) -> i64 {
        micros("2026-03-01T12:00:00Z")
    }
}

pub fn entry(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

pub fn halt_name() -> ControlName {
    ControlName { control: Control::Halt, id: String::new(), tenant: String::new() }
}
