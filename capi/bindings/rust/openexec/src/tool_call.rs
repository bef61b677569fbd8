// SPDX-License-Identifier: Apache-2.0
//! The nonce of a model's tool call.

use crate::error::Error;
use crate::raw::{view, written};
use openexec_sys as sys;
use std::collections::HashMap;

/// The nonce of one tool call: `tc1-` and the SHA-256 of the call in its place (`docs/formats.md`, section 13). The same
/// call has the same nonce however often it is delivered. The id that the provider gave it is not part of it: providers
/// use an id twice, give none, or give another one when a turn is sent again.
///
/// `occurrence` is 1 for the first call of this name with equal arguments in the turn, 2 for the second; a [`Turn`]
/// counts. Where the host has no stable conversation and turn there is no nonce: an empty one is refused.
pub fn tool_call_nonce(
    conversation: &str, turn: &str, name: &str, arguments: &str, occurrence: u32,
) -> Result<String, Error> {
    // SAFETY: views of live strings, and out parameters.
    written(|made, why| unsafe {
        sys::openexec_tool_call_nonce(
            view(conversation),
            view(turn),
            view(name),
            view(arguments),
            occurrence,
            made,
            why,
        )
    })
}

/// The tool calls of one turn. Give it all of them, in their order, each once: it counts those that are equal.
#[derive(Clone, Debug)]
pub struct Turn {
    conversation: String,
    turn: String,
    seen: HashMap<String, u32>, // by the nonce of the first occurrence
}

impl Turn {
    /// The turn of a conversation, by the host's own names for both, which are the same when the turn is sent again.
    pub fn new(conversation: &str, turn: &str) -> Self {
        Self { conversation: conversation.to_owned(), turn: turn.to_owned(), seen: HashMap::new() }
    }

    /// The nonce of the next call. `arguments` is JSON text of one object; empty means `{}`. A call that is refused is not
    /// counted.
    pub fn next_nonce(&mut self, name: &str, arguments: &str) -> Result<String, Error> {
        let first = tool_call_nonce(&self.conversation, &self.turn, name, arguments, 1)?;
        let seen = self.seen.entry(first.clone()).or_default();
        let occurrence = seen.saturating_add(1);
        let nonce = match occurrence {
            1 => first,
            _ => tool_call_nonce(&self.conversation, &self.turn, name, arguments, occurrence)?,
        };
        *seen = occurrence;
        Ok(nonce)
    }
}
