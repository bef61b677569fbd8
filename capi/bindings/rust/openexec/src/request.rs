// SPDX-License-Identifier: Apache-2.0
//! Requests, what they are named by, and canonical JSON.

use crate::codes::numbers;
use crate::error::Error;
use crate::executor::Cancellation;
use crate::raw::{ask, bytes, text, view, written, Owned};
use openexec_sys as sys;
use std::fmt;
use std::time::Duration;

/// How long a call waits for a nonce that is running elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// As long as [`crate::Limit::WaitMs`] says.
    #[default]
    Configured,
    /// Not at all: [`crate::Code::InProgress`] at once.
    Not,
    /// At most so long, in whole milliseconds, at least one.
    AtMost(Duration),
}

#[derive(Clone, Copy)]
enum Body<'a> {
    Parts { action: &'a str, payload: &'a str, nonce: &'a str, approval: &'a str },
    Json(&'a [u8]),
}

/// What an agent proposes, and how it is to be called. Borrows everything.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    body: Body<'a>,
    nonce_beside: &'a str,
    wait: Wait,
    cancellation: Option<&'a Cancellation>,
    proof: i32,
}

impl<'a> Request<'a> {
    /// `action`: 1 to 128 bytes of `[A-Za-z0-9_.:/-]`. `payload`: JSON text of one object; empty means `{}`.
    /// `nonce`: 1 to 255 bytes without control characters; unique in the tenant, for ever.
    pub fn new(action: &'a str, payload: &'a str, nonce: &'a str) -> Self {
        Self::of(Body::Parts { action, payload, nonce, approval: "" })
    }

    /// One JSON object with the members action, payload, nonce and approval_artifact.
    pub fn from_json(json: &'a [u8]) -> Self {
        Self::of(Body::Json(json))
    }

    fn of(body: Body<'a>) -> Self {
        Self { body, nonce_beside: "", wait: Wait::Configured, cancellation: None, proof: 0 }
    }

    /// The approval artifact: JSON text of one object; empty means none. Of a request from JSON it is a member, and
    /// this changes nothing.
    pub fn approval(mut self, artifact: &'a str) -> Self {
        if let Body::Parts { approval, .. } = &mut self.body {
            *approval = artifact;
        }
        self
    }

    /// The nonce where the request names none, such as an Idempotency-Key; one that names another is malformed.
    pub fn nonce_beside(mut self, nonce: &'a str) -> Self {
        self.nonce_beside = nonce;
        self
    }

    /// How long to wait for a nonce that is running elsewhere.
    pub fn wait(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// A flag for the handler to look at.
    pub fn cancellation(mut self, flag: &'a Cancellation) -> Self {
        self.cancellation = Some(flag);
        self
    }

    /// Asks for [`crate::Outcome::proof`] as well, for some reads more.
    pub fn proof(mut self) -> Self {
        self.proof = 1;
        self
    }

    /// As C takes it; empty for a request from JSON.
    pub(crate) fn parts(&self) -> sys::openexec_request {
        let (action, payload, nonce, approval) = match self.body {
            Body::Parts { action, payload, nonce, approval } => (action, payload, nonce, approval),
            Body::Json(_) => ("", "", "", ""),
        };
        sys::openexec_request {
            size: std::mem::size_of::<sys::openexec_request>(),
            action: view(action),
            payload: view(payload),
            nonce: view(nonce),
            approval_artifact: view(approval),
        }
    }

    /// The JSON of a request from JSON.
    pub(crate) fn json(&self) -> Option<sys::openexec_str> {
        match self.body {
            Body::Parts { .. } => None,
            Body::Json(json) => Some(bytes(json)),
        }
    }

    pub(crate) fn options(&self) -> sys::openexec_call_options {
        sys::openexec_call_options {
            size: std::mem::size_of::<sys::openexec_call_options>(),
            max_wait_ms: match self.wait {
                Wait::Configured => 0,
                Wait::Not => -1,
                Wait::AtMost(long) => i64::try_from(long.as_millis()).unwrap_or(i64::MAX).max(1),
            },
            cancellation: self.cancellation.map_or(std::ptr::null(), |flag| flag.raw().cast_const()),
            nonce: view(self.nonce_beside),
            proof: self.proof,
            reserved: 0,
        }
    }
}

/// SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// All zero: none.
    pub const NONE: Self = Self([0; 32]);

    pub(crate) fn to_raw(self) -> sys::openexec_digest {
        sys::openexec_digest { bytes: self.0 }
    }

    pub(crate) fn make(
        call: impl FnOnce(*mut sys::openexec_digest, *mut *mut sys::openexec_error) -> sys::openexec_code,
    ) -> Result<Self, Error> {
        let mut made = Self::NONE.to_raw();
        ask(|why| call(&mut made, why)).map(|()| Self(made.bytes))
    }
}

impl std::str::FromStr for Digest {
    type Err = Error;

    /// Reads exactly 64 lower-case hexadecimal digits.
    fn from_str(hex: &str) -> Result<Self, Error> {
        // SAFETY: a view of a live string, and an out parameter.
        Self::make(|digest, why| unsafe { sys::openexec_digest_from_hex(view(hex), digest, why) })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A request after its one strict parse, for hosts that only hash or only verify; and what a verifier is asked about.
/// Read by one thread at a time.
pub struct Proposal(Owned<sys::openexec_proposal>);

// SAFETY: a handle has no thread of its own. Not `Sync`: a proposal computes its hashes when it is asked.
unsafe impl Send for Proposal {}

impl Proposal {
    /// Reads a request the way an executor does. `tenant` is part of the exec_id.
    pub fn new(request: &Request<'_>, tenant: &str) -> Result<Self, Error> {
        let tenant = view(tenant);
        match request.json() {
            // SAFETY: views of live strings, and out parameters.
            Some(json) => {
                Owned::make(|made, why| unsafe { sys::openexec_proposal_create_json(json, tenant, made, why) })
            }
            None => {
                let parts = request.parts();
                // SAFETY: as above.
                Owned::make(|made, why| unsafe { sys::openexec_proposal_create(&parts, tenant, made, why) })
            }
        }
        .map(Self)
    }

    /// A proposal that belongs to the library and is valid during a callback.
    ///
    /// # Safety
    /// The pointer is live for as long as what is returned.
    pub(crate) unsafe fn lent(proposal: *const sys::openexec_proposal) -> Option<std::mem::ManuallyDrop<Self>> {
        // SAFETY: never destroyed here.
        unsafe { Owned::take(proposal.cast_mut()) }.map(|handle| std::mem::ManuallyDrop::new(Self(handle)))
    }

    /// Whose nonces and approvals these are.
    pub fn tenant(&self) -> &str {
        // SAFETY: the view lives as long as the handle; so do those below.
        unsafe { text(sys::openexec_proposal_tenant(self.0.get())) }
    }

    /// The action.
    pub fn action(&self) -> &str {
        // SAFETY: as above.
        unsafe { text(sys::openexec_proposal_action(self.0.get())) }
    }

    /// The nonce.
    pub fn nonce(&self) -> &str {
        // SAFETY: as above.
        unsafe { text(sys::openexec_proposal_nonce(self.0.get())) }
    }

    /// The payload in RFC 8785 form, as the handler gets it.
    pub fn payload(&self) -> &str {
        // SAFETY: as above.
        unsafe { text(sys::openexec_proposal_payload(self.0.get())) }
    }

    /// The approval artifact in RFC 8785 form, or empty if the request has no artifact.
    pub fn artifact(&self) -> &str {
        // SAFETY: as above.
        unsafe { text(sys::openexec_proposal_artifact(self.0.get())) }
    }

    fn hash(&self, which: sys::openexec_hash) -> Result<Digest, Error> {
        // SAFETY: a live handle, and an out parameter.
        Digest::make(|digest, why| unsafe { sys::openexec_proposal_hash(self.0.get(), which, digest, why) })
    }

    /// Of the RFC 8785 form of action and payload: names the request.
    pub fn request_hash(&self) -> Result<Digest, Error> {
        self.hash(sys::OPENEXEC_HASH_REQUEST)
    }

    /// Of their clawshield-v1 form: what a clawshield-v1 artifact carries.
    pub fn action_hash(&self) -> Result<Digest, Error> {
        self.hash(sys::OPENEXEC_HASH_ACTION)
    }

    /// Of the payload alone.
    pub fn parameters_hash(&self) -> Result<Digest, Error> {
        self.hash(sys::OPENEXEC_HASH_PARAMETERS)
    }

    /// Of action, nonce, payload and tenant: the execution's id.
    pub fn exec_id(&self) -> Result<Digest, Error> {
        self.hash(sys::OPENEXEC_HASH_EXEC_ID)
    }

    /// The hash of the approval artifact, or `None` if the request has no artifact.
    pub fn artifact_hash(&self) -> Result<Option<Digest>, Error> {
        Ok(Some(self.hash(sys::OPENEXEC_HASH_ARTIFACT)?).filter(|digest| *digest != Digest::NONE))
    }
}

numbers! {
    /// The canonical forms of JSON.
    Form otherwise Jcs {
        /// RFC 8785.
        Jcs = OPENEXEC_FORM_JCS,
        /// What clawshield-v1 signers hash.
        ClawshieldV1 = OPENEXEC_FORM_CLAWSHIELD_V1,
        /// clawshield-v1 with `", "` and `": "`; what receipt hashes cover.
        Display = OPENEXEC_FORM_DISPLAY,
    }
}

/// Writes JSON, one value of any type, in a canonical form, after the strict parse that requests get.
pub fn canonicalise(json: &[u8], form: Form) -> Result<String, Error> {
    // SAFETY: a view of live bytes, and out parameters.
    written(|made, why| unsafe { sys::openexec_canonicalise(bytes(json), form.number(), made, why) })
}

/// SHA-256 of bytes.
pub fn sha256(data: &[u8]) -> Result<Digest, Error> {
    // SAFETY: a view of live bytes, and an out parameter.
    Digest::make(|digest, why| unsafe { sys::openexec_sha256(bytes(data), digest, why) })
}
