// SPDX-License-Identifier: Apache-2.0
//! Errors by kind of no.

use crate::codes::{Code, Kind};
use crate::outcome::Outcome;
use std::fmt;

/// A no, by its kind. The code decides; the detail explains it to a person, and names the place.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// It was decided that this does not run: look at the code.
    Refused(No),
    /// It ran, or may have. It never runs again under its nonce: find out in the world.
    Doubt(No),
    /// No decision was reached. Try again later, with the same nonce.
    Fault(No),
    /// The call itself is wrong: the caller's bug.
    Misuse(No),
}

/// What every error carries.
#[derive(Debug)]
pub struct No {
    code: Code,
    detail: Box<str>,
    outcome: Option<Box<Outcome>>,
}

impl No {
    /// A no of your own, as parts say it. The detail should hold no payload, no key and no result.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into().into_boxed_str(), outcome: None }
    }

    pub(crate) fn with(mut self, outcome: Outcome) -> Self {
        self.outcome = Some(Box::new(outcome));
        self
    }

    /// What happened.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The explanation for a person.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl Error {
    pub(crate) fn of(code: Code, detail: impl Into<String>) -> Self {
        No::new(code, detail).into()
    }

    /// What all kinds have.
    pub fn no(&self) -> &No {
        match self {
            Self::Refused(no) | Self::Doubt(no) | Self::Fault(no) | Self::Misuse(no) => no,
        }
    }

    /// What happened.
    pub fn code(&self) -> Code {
        self.no().code
    }

    /// Which kind of no.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Refused(_) => Kind::Refused,
            Self::Doubt(_) => Kind::Doubt,
            Self::Fault(_) => Kind::Fault,
            Self::Misuse(_) => Kind::Misuse,
        }
    }

    /// The explanation for a person: names the argument, the field, the byte or the setting.
    pub fn detail(&self) -> &str {
        &self.no().detail
    }

    /// The outcome, where an attempt was answered: its log entry is evidence of the no.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.no().outcome.as_deref()
    }

    /// The same, to keep.
    pub fn into_outcome(self) -> Option<Outcome> {
        match self {
            Self::Refused(no) | Self::Doubt(no) | Self::Fault(no) | Self::Misuse(no) => no.outcome.map(|found| *found),
        }
    }
}

impl From<No> for Error {
    fn from(no: No) -> Self {
        match no.code.kind() {
            Kind::Refused => Self::Refused(no),
            Kind::Doubt => Self::Doubt(no),
            Kind::Misuse => Self::Misuse(no),
            Kind::Fault | Kind::Ok => Self::Fault(no),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code().name())?;
        if !self.detail().is_empty() {
            write!(out, ": {}", self.detail())?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
