// SPDX-License-Identifier: Apache-2.0
//! Receipt hashes, portable receipts and approvals, verified offline: no executor, no network, no clock.

use crate::codes::{numbers, Code};
use crate::error::Error;
use crate::raw::{ask, no, optional, text, view, written, Owned};
use crate::request::{Digest, Request};
use openexec_sys as sys;
use std::ptr;

numbers! {
    /// What a portable receipt is worth. Only `Pass` is one to rely on.
    Answer otherwise Fail {
        /// Something does not hold.
        Fail = OPENEXEC_EVIDENCE_FAIL,
        /// Nothing failed, but something that was needed was not given.
        Incomplete = OPENEXEC_EVIDENCE_INCOMPLETE,
        /// Everything that was asked holds.
        Pass = OPENEXEC_EVIDENCE_PASS,
    }
}

numbers! {
    /// What is looked at, in this order.
    Step otherwise Proof {
        Proof = OPENEXEC_STEP_PROOF,
        Entry = OPENEXEC_STEP_ENTRY,
        Inclusion = OPENEXEC_STEP_INCLUSION,
        LogSignature = OPENEXEC_STEP_LOG_SIGNATURE,
        Cosignatures = OPENEXEC_STEP_COSIGNATURES,
        ExecId = OPENEXEC_STEP_EXEC_ID,
        Action = OPENEXEC_STEP_ACTION,
        Nonce = OPENEXEC_STEP_NONCE,
        Tenant = OPENEXEC_STEP_TENANT,
        Payload = OPENEXEC_STEP_PAYLOAD,
        Result = OPENEXEC_STEP_RESULT,
        Receipt = OPENEXEC_STEP_RECEIPT,
        Approval = OPENEXEC_STEP_APPROVAL,
    }
}

numbers! {
    /// What one step found.
    Finding otherwise Failed {
        /// An earlier step left nothing to look at.
        Unreached = OPENEXEC_FINDING_UNREACHED,
        Failed = OPENEXEC_FINDING_FAILED,
        /// Needed, and not given; or asked about, and the entry says nothing of it.
        Incomplete = OPENEXEC_FINDING_INCOMPLETE,
        NotAsked = OPENEXEC_FINDING_NOT_ASKED,
        Passed = OPENEXEC_FINDING_PASSED,
    }
}

/// Whom the caller trusts. `None` is absent, which is not the same as empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trust<'a> {
    /// The log's verifier key, `name+id+key`. Absent: one of the policy's logs has to have signed.
    pub log_key: Option<&'a str>,
    /// A C2SP tlog-policy. Absent: cosignatures are not asked for.
    pub policy: Option<&'a str>,
}

/// What the caller holds, and wants to know of: is it what the entry names? `None`: not asked.
#[derive(Clone, Copy, Default)]
#[allow(missing_docs)]
pub struct Held<'a> {
    pub exec_id: Option<&'a str>,
    pub action: Option<&'a str>,
    pub nonce: Option<&'a str>,
    pub tenant: Option<&'a str>,
    /// JSON in any spacing.
    pub payload: Option<&'a str>,
    /// JSON in any spacing.
    pub result: Option<&'a str>,
    pub receipt: Option<&'a str>,
    /// The artifact: JSON in any spacing.
    pub approval: Option<&'a str>,
}

/// A cosignature that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// The witness's name in the policy.
    pub witness: String,
    /// When the witness says it signed: seconds since 1970.
    pub time_s: u64,
}

/// What a portable receipt is worth, step by step. Believe the entry, and what is beside it, where the answer is
/// [`Answer::Pass`], and not otherwise.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The verdict.
    pub answer: Answer,
    /// The first step that failed, or else the first that is incomplete; `None` where the answer is `Pass`.
    pub decided_by: Option<Step>,
    /// Why, for a person; empty where the answer is `Pass`.
    pub detail: String,
    /// What each step found, in the order of [`Step::ALL`].
    pub findings: Vec<(Step, Finding)>,
    /// The entry as JSON, or empty if no entry was read.
    pub entry: String,
    /// The entry's place.
    pub index: Option<u64>,
    /// The log's name.
    pub origin: String,
    /// How many entries the tree of the checkpoint has.
    pub size: u64,
    /// That tree's root.
    pub root: Digest,
    /// The cosignatures that verified, in the order of the policy's witnesses.
    pub cosignatures: Vec<Cosignature>,
}

/// Reads and verifies a portable receipt, the text of a `.tlog-proof`. An error only where a key, a policy or an
/// argument is malformed: whatever the portable receipt is worth is said by the evidence.
pub fn verify(proof: &str, trust: &Trust<'_>, held: &Held<'_>) -> Result<Evidence, Error> {
    let trust = sys::openexec_evidence_trust {
        size: std::mem::size_of::<sys::openexec_evidence_trust>(),
        log_key: optional(trust.log_key),
        policy: optional(trust.policy),
    };
    let held = sys::openexec_evidence_held {
        size: std::mem::size_of::<sys::openexec_evidence_held>(),
        exec_id: optional(held.exec_id),
        action: optional(held.action),
        nonce: optional(held.nonce),
        tenant: optional(held.tenant),
        payload: optional(held.payload),
        result: optional(held.result),
        receipt: optional(held.receipt),
        approval: optional(held.approval),
    };
    let (mut report, mut why) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: views of live strings, and out parameters.
    let code = unsafe { sys::openexec_evidence_verify(view(proof), &trust, &held, &mut report, &mut why) };
    let no = no(code, why);
    // SAFETY: an out parameter.
    match (unsafe { Owned::take(report) }, no) {
        (Some(report), _) => read(&report),
        (None, Some(no)) => Err(no.into()),
        (None, None) => Err(Error::of(Code::StoreFailed, "the library made no report")),
    }
}

fn read(report: &Owned<sys::openexec_evidence>) -> Result<Evidence, Error> {
    let handle = report.get();
    let (mut size, mut cosignatures) = (0, Vec::new());
    // SAFETY: a live handle, here and below, and views that live as long as it.
    let root = Digest::make(|root, why| unsafe { sys::openexec_evidence_tree(handle, &mut size, root, why) })?;
    for number in 0..unsafe { sys::openexec_evidence_cosignatures(handle) } {
        let (mut witness, mut time_s) = (optional(None), 0);
        ask(|why| unsafe { sys::openexec_evidence_cosignature(handle, number, &mut witness, &mut time_s, why) })?;
        cosignatures.push(Cosignature { witness: unsafe { text(witness) }.to_owned(), time_s });
    }
    let decided_by = unsafe { sys::openexec_evidence_decided_by(handle) };
    Ok(Evidence {
        answer: Answer::from_raw(unsafe { sys::openexec_evidence_report_verdict(handle) }),
        decided_by: (decided_by >= 0).then(|| Step::from_raw(decided_by)),
        detail: unsafe { text(sys::openexec_evidence_detail(handle, decided_by)) }.to_owned(),
        findings: Step::ALL
            .iter()
            .map(|&step| (step, Finding::from_raw(unsafe { sys::openexec_evidence_finding(handle, step.number()) })))
            .collect(),
        entry: unsafe { text(sys::openexec_evidence_entry(handle)) }.to_owned(),
        index: u64::try_from(unsafe { sys::openexec_evidence_index(handle) }).ok(),
        origin: unsafe { text(sys::openexec_evidence_origin(handle)) }.to_owned(),
        size,
        root,
        cosignatures,
    })
}

/// Checks a receipt hash. [`Code::InvalidArgument`] where it does not belong to `exec_id` (empty for a malformed
/// request's) and `result`; [`Code::MalformedRequest`] where these are not what they should be.
pub fn verify_receipt(exec_id: &str, result: &str, receipt: &str) -> Result<(), Error> {
    // SAFETY: views of live strings, here and below.
    ask(|why| unsafe { sys::openexec_verify_receipt(view(exec_id), view(result), view(receipt), why) })
}

/// Checks an approval of profile clawshield-v1. Answers who approved, as JSON: `{"digest", "id", "keys", "profile"}`.
/// Says nothing about whether it was spent.
pub fn verify_clawshield_v1(
    public_key_pem: &str, tenant: &str, action: &str, payload: &str, artifact: &str, now_us: i64,
) -> Result<String, Error> {
    written(|made, why| unsafe {
        sys::openexec_verify_clawshield_v1(
            view(public_key_pem),
            view(tenant),
            view(action),
            view(payload),
            view(artifact),
            now_us,
            made,
            why,
        )
    })
}

/// Checks the approval of a request by a trust policy, as an executor of that name would. Answers who approved, as
/// [`verify_clawshield_v1`] does. Says nothing about whether it was spent.
pub fn verify_trust_policy(
    policy: &str, executor: &str, tenant: &str, request: &Request<'_>, now_us: i64,
) -> Result<String, Error> {
    let request = request.parts();
    written(|made, why| unsafe {
        sys::openexec_verify_trust_policy(view(policy), view(executor), view(tenant), &request, now_us, made, why)
    })
}

/// Reads a trust policy, and puts it in force nowhere. Answers JSON: `{"digest", "policy", "warnings"}`.
pub fn read_trust_policy(policy: &str) -> Result<String, Error> {
    written(|made, why| unsafe { sys::openexec_trust_policy_read(view(policy), made, why) })
}
