// SPDX-License-Identifier: Apache-2.0
//! The numbers of the C ABI as enums. `docs/errors.md` says what each code means.

use openexec_sys as sys;

macro_rules! numbers {
    ($(#[$about:meta])* $name:ident otherwise $otherwise:ident { $($(#[$note:meta])* $member:ident = $constant:ident,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(i32)]
        pub enum $name {
            $($(#[$note])* #[allow(missing_docs)] $member = sys::$constant,)*
        }

        impl $name {
            /// Every member, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$member,)*];

            /// The number of the C ABI.
            pub const fn number(self) -> i32 {
                self as i32
            }

            #[allow(dead_code)]
            pub(crate) fn from_raw(number: i32) -> Self {
                match number {
                    $(sys::$constant => Self::$member,)*
                    _ => Self::$otherwise,
                }
            }
        }
    };
}
pub(crate) use numbers;

numbers! {
    /// What happened, as a number that never changes its meaning.
    Code otherwise StoreFailed {
        Ok = OPENEXEC_OK,
        Halted = OPENEXEC_HALTED,
        NonceConflict = OPENEXEC_NONCE_CONFLICT,
        InProgress = OPENEXEC_IN_PROGRESS,
        ActionNotAllowed = OPENEXEC_ACTION_NOT_ALLOWED,
        UnknownAction = OPENEXEC_UNKNOWN_ACTION,
        PayloadSchema = OPENEXEC_PAYLOAD_SCHEMA,
        ApprovalMissing = OPENEXEC_APPROVAL_MISSING,
        ApprovalMalformed = OPENEXEC_APPROVAL_MALFORMED,
        ApprovalKeyMissing = OPENEXEC_APPROVAL_KEY_MISSING,
        ApprovalHashMismatch = OPENEXEC_APPROVAL_HASH_MISMATCH,
        ApprovalTenantMismatch = OPENEXEC_APPROVAL_TENANT_MISMATCH,
        ApprovalExpired = OPENEXEC_APPROVAL_EXPIRED,
        ApprovalNotYetValid = OPENEXEC_APPROVAL_NOT_YET_VALID,
        ApprovalSignatureInvalid = OPENEXEC_APPROVAL_SIGNATURE_INVALID,
        ApprovalThreshold = OPENEXEC_APPROVAL_THRESHOLD,
        ApprovalPolicyMismatch = OPENEXEC_APPROVAL_POLICY_MISMATCH,
        ApprovalAudienceMismatch = OPENEXEC_APPROVAL_AUDIENCE_MISMATCH,
        ApprovalConstraint = OPENEXEC_APPROVAL_CONSTRAINT,
        ApprovalKeyRevoked = OPENEXEC_APPROVAL_KEY_REVOKED,
        ApprovalSpent = OPENEXEC_APPROVAL_SPENT,
        InDoubt = OPENEXEC_IN_DOUBT,
        HandlerFailed = OPENEXEC_HANDLER_FAILED,
        ResultInvalid = OPENEXEC_RESULT_INVALID,
        StoreFailed = OPENEXEC_STORE_FAILED,
        Overloaded = OPENEXEC_OVERLOADED,
        ClockSuspect = OPENEXEC_CLOCK_SUSPECT,
        MalformedRequest = OPENEXEC_MALFORMED_REQUEST,
        InvalidArgument = OPENEXEC_INVALID_ARGUMENT,
        UnsupportedAbi = OPENEXEC_UNSUPPORTED_ABI,
    }
}

numbers! {
    /// Yes, and the four kinds of no.
    Kind otherwise Fault {
        Ok = OPENEXEC_KIND_OK,
        /// A decision; nothing ran.
        Refused = OPENEXEC_KIND_REFUSED,
        /// It ran, or may have.
        Doubt = OPENEXEC_KIND_DOUBT,
        /// Undecided; nothing ran that is not said to have.
        Fault = OPENEXEC_KIND_FAULT,
        /// The caller's bug.
        Misuse = OPENEXEC_KIND_MISUSE,
    }
}

numbers! {
    /// How an attempt ended.
    Verdict otherwise Refused {
        Refused = OPENEXEC_VERDICT_REFUSED,
        Executed = OPENEXEC_VERDICT_EXECUTED,
        Failed = OPENEXEC_VERDICT_FAILED,
        Replayed = OPENEXEC_VERDICT_REPLAYED,
        InDoubt = OPENEXEC_VERDICT_IN_DOUBT,
        /// In the log only: stands for many refusals.
        Suppressed = OPENEXEC_VERDICT_SUPPRESSED,
        /// No attempt, but an order: a halt, a resume, a revocation.
        Control = OPENEXEC_VERDICT_CONTROL,
    }
}

numbers! {
    /// What became of the action in the world, as far as the executor knows.
    Effect otherwise Unknown {
        /// The handler was not entered, or itself says that nothing happened.
        None = OPENEXEC_EFFECT_NONE,
        /// The handler returned a result.
        Confirmed = OPENEXEC_EFFECT_CONFIRMED,
        Unknown = OPENEXEC_EFFECT_UNKNOWN,
    }
}

numbers! {
    /// What a result is.
    ResultForm otherwise Json {
        /// The JSON value that the handler gave.
        Json = OPENEXEC_RESULT_JSON,
        /// An object whose `text` carries output that is not JSON, or is too long.
        Text = OPENEXEC_RESULT_TEXT,
        /// The same of output that is not UTF-8, as `base64`.
        Bytes = OPENEXEC_RESULT_BYTES,
    }
}

numbers! {
    /// What is ordered while executors run, and stands until it is lifted.
    Control otherwise Halt {
        Halt = OPENEXEC_CONTROL_HALT,
        RevokeApproval = OPENEXEC_CONTROL_REVOKE_APPROVAL,
        RevokeKey = OPENEXEC_CONTROL_REVOKE_KEY,
        /// The wall clock was right when it was given. A store keeps its id as it is.
        ConfirmClock = OPENEXEC_CONTROL_CONFIRM_CLOCK,
    }
}

numbers! {
    /// What a listener is told of.
    EventKind otherwise Answered {
        Opened = OPENEXEC_EVENT_OPENED,
        Answered = OPENEXEC_EVENT_ANSWERED,
        Recovered = OPENEXEC_EVENT_RECOVERED,
        Reloaded = OPENEXEC_EVENT_RELOADED,
        Closed = OPENEXEC_EVENT_CLOSED,
    }
}

numbers! {
    /// Bounds. What exceeds one is refused; nothing is dropped in silence.
    Limit otherwise RequestBytes {
        /// The whole request; 1 MiB unless set.
        RequestBytes = OPENEXEC_LIMIT_REQUEST_BYTES,
        /// Nesting of objects and arrays; 128 unless set, and at most.
        RequestDepth = OPENEXEC_LIMIT_REQUEST_DEPTH,
        /// Of a handler's result; 1 MiB unless set.
        ResultBytes = OPENEXEC_LIMIT_RESULT_BYTES,
        /// Attempts at once; 1024 unless set.
        InFlight = OPENEXEC_LIMIT_IN_FLIGHT,
        /// Entries for refusals; 1000 unless set.
        RefusalsPerSecond = OPENEXEC_LIMIT_REFUSALS_PER_SECOND,
        /// How long a second caller of a running nonce waits; 30,000 unless set.
        WaitMs = OPENEXEC_LIMIT_WAIT_MS,
        /// clawshield-v1: how far in the future issued_at may lie; 60 unless set.
        IssuedAheadSeconds = OPENEXEC_LIMIT_ISSUED_AHEAD_SECONDS,
        /// How far the wall clock may jump before it is suspect; 3,600 unless set.
        ClockJumpSeconds = OPENEXEC_LIMIT_CLOCK_JUMP_SECONDS,
        /// Entries for replays of one execution; 10 unless set.
        ReplaysPerSecond = OPENEXEC_LIMIT_REPLAYS_PER_SECOND,
    }
}

impl Code {
    /// The name that log entries carry, such as `"approval_expired"`.
    pub fn name(self) -> &'static str {
        // SAFETY: the view lives as long as the library.
        unsafe { crate::raw::text(sys::openexec_code_name(self.number())) }
    }

    /// The code that has a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// Whether it is a yes, or which kind of no.
    pub fn kind(self) -> Kind {
        // SAFETY: takes and returns numbers.
        Kind::from_raw(unsafe { sys::openexec_code_kind(self.number()) })
    }

    /// The HTTP status; 0 for codes that never reach HTTP.
    pub fn http(self) -> i32 {
        // SAFETY: takes and returns numbers.
        unsafe { sys::openexec_code_http(self.number()) }
    }
}

impl Verdict {
    /// The name that log entries carry, such as `"executed"`.
    pub fn name(self) -> &'static str {
        // SAFETY: the view lives as long as the library.
        unsafe { crate::raw::text(sys::openexec_verdict_name(self.number())) }
    }
}

impl Effect {
    /// The name that log entries carry, such as `"confirmed"`.
    pub fn name(self) -> &'static str {
        // SAFETY: the view lives as long as the library.
        unsafe { crate::raw::text(sys::openexec_effect_name(self.number())) }
    }
}

impl ResultForm {
    /// The name that entries carry, such as `"text"`.
    pub fn name(self) -> &'static str {
        // SAFETY: the view lives as long as the library.
        unsafe { crate::raw::text(sys::openexec_result_form_name(self.number())) }
    }
}

/// What a model that proposed the action is told beside the code: whether it ran, whether it may be tried again, and how.
/// The library's one text (docs/errors.md).
pub fn advice(code: Code, verdict: Verdict, effect: Effect) -> &'static str {
    // SAFETY: the view lives as long as the library.
    unsafe { crate::raw::text(sys::openexec_advice(code.number(), verdict.number(), effect.number())) }
}

impl std::fmt::Display for Code {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}
