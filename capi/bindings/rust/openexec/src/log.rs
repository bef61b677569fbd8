// SPDX-License-Identifier: Apache-2.0
//! Reads a log: its entries, and the proofs of them for outside verifiers.

use crate::error::Error;
use crate::executor::Executor;
use crate::raw::{ask, buffer, text, view, written, Owned};
use crate::request::Digest;
use openexec_sys as sys;
use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// One entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its place, from 0 on.
    pub index: u64,
    /// RFC 6962: SHA-256(0x00 || json).
    pub leaf_hash: Digest,
    /// The entry.
    pub json: String,
}

/// The log of a ledger, beside a running executor or from an archived file. Any number of threads may read it.
pub struct Log(Owned<sys::openexec_log>);

// SAFETY: nothing changes a reader, and any handle may be read by several threads at once.
unsafe impl Send for Log {}
// SAFETY: as above.
unsafe impl Sync for Log {}

const PAGE: u64 = 512;

unsafe extern "C" fn visit(found: *mut c_void, line: *const sys::openexec_log_line) -> i32 {
    // What was read so far is not what was asked for: `Some` only while all is well.
    // SAFETY: what `collect` handed over, and a line that lives until this returns.
    let (found, line) = unsafe { (&mut *found.cast::<Option<Vec<LogLine>>>(), &*line) };
    let read = catch_unwind(AssertUnwindSafe(|| LogLine {
        index: line.index,
        leaf_hash: Digest(line.leaf_hash.bytes),
        // SAFETY: as above.
        json: unsafe { text(line.json) }.to_owned(),
    }));
    match (read, found.as_mut()) {
        (Ok(line), Some(lines)) => {
            lines.push(line);
            0
        }
        _ => {
            *found = None;
            1
        }
    }
}

impl Log {
    /// Opens the log of a ledger for reading only: `sqlite:///relative.db`, `sqlite:////absolute.db`.
    pub fn open(url: &str) -> Result<Self, Error> {
        // SAFETY: a view of a live string, and out parameters.
        Owned::make(|made, why| unsafe { sys::openexec_log_open(view(url), made, why) }).map(Self)
    }

    /// The log of an executor. It stays readable after the executor is gone.
    pub(crate) fn of(executor: &Executor) -> Result<Self, Error> {
        // SAFETY: a live handle, and out parameters.
        Owned::make(|made, why| unsafe { sys::openexec_executor_log(executor.raw(), made, why) }).map(Self)
    }

    /// How many entries there are.
    pub fn count(&self) -> Result<u64, Error> {
        let mut entries = 0;
        // SAFETY: a live handle, and an out parameter.
        ask(|why| unsafe { sys::openexec_log_count(self.0.get(), &mut entries, why) }).map(|()| entries)
    }

    fn collect(
        &self, call: impl FnOnce(sys::openexec_visit, *mut c_void, *mut *mut sys::openexec_error) -> sys::openexec_code,
    ) -> Result<Vec<LogLine>, Error> {
        let mut found = Some(Vec::new());
        ask(|why| call(Some(visit), std::ptr::from_mut(&mut found).cast(), why))?;
        found.ok_or_else(|| Error::of(crate::Code::StoreFailed, "an entry that is no UTF-8"))
    }

    /// Up to `count` entries from `first` on, in the order of their index; fewer at the end.
    pub fn read(&self, first: u64, count: u64) -> Result<Vec<LogLine>, Error> {
        // SAFETY: a live handle; `visit` gets what `collect` hands over, on this thread.
        self.collect(|visit, found, why| unsafe {
            sys::openexec_log_read(self.0.get(), first, count, visit, found, why)
        })
    }

    /// The entries of one execution, in the order of their index; at most `count` of them.
    pub fn find(&self, exec_id: &Digest, count: u64) -> Result<Vec<LogLine>, Error> {
        let exec_id = exec_id.to_raw();
        // SAFETY: as above.
        self.collect(|visit, found, why| unsafe {
            sys::openexec_log_find(self.0.get(), &exec_id, count, visit, found, why)
        })
    }

    /// Every entry, a page at a time. Ends after an error.
    pub fn iter(&self) -> impl Iterator<Item = Result<LogLine, Error>> + '_ {
        let (mut first, mut ended) = (0, false);
        std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let page = self.read(first, PAGE);
            ended = page.as_ref().map_or(true, |lines| lines.is_empty());
            let lines: Vec<_> = match page {
                Ok(lines) => lines.into_iter().map(Ok).collect(),
                Err(why) => vec![Err(why)],
            };
            first += lines.len() as u64;
            Some(lines)
        })
        .flatten()
    }

    // What follows needs a log that keeps a Merkle tree: the supplied ledgers do; a log of your own is answered with
    // Code::InvalidArgument.

    /// The key, `name+id+key`, with which outside verifiers verify this log's checkpoints. They have to get it over
    /// another channel.
    pub fn verifier_key(&self) -> Result<String, Error> {
        // SAFETY: a live handle, and out parameters; so below.
        written(|made, why| unsafe { sys::openexec_log_verifier_key(self.0.get(), made, why) })
    }

    /// The newest signed checkpoint: every entry that has an index is covered by it.
    pub fn checkpoint(&self) -> Result<String, Error> {
        // SAFETY: as above.
        written(|made, why| unsafe { sys::openexec_log_checkpoint(self.0.get(), made, why) })
    }

    /// The newest checkpoint that witnesses cosigned, where there is one.
    pub fn cosigned(&self) -> Result<Option<String>, Error> {
        // SAFETY: as above.
        let found = buffer(|made, why| unsafe { sys::openexec_log_cosigned(self.0.get(), made, why) })?;
        Ok(found.map(|note| String::from_utf8_lossy(&note).into_owned()))
    }

    /// Keeps the cosignatures of a checkpoint of this log, which has to be an executor's.
    pub fn keep_cosigned(&self, note: &str) -> Result<(), Error> {
        // SAFETY: as above.
        ask(|why| unsafe { sys::openexec_log_keep_cosigned(self.0.get(), view(note), why) })
    }

    /// The portable receipt of an entry, for [`crate::evidence::verify`].
    pub fn prove(&self, index: u64) -> Result<String, Error> {
        // SAFETY: as above.
        written(|made, why| unsafe { sys::openexec_log_prove(self.0.get(), index, made, why) })
    }

    /// The hashes that show that the tree of `to` entries grew out of that of `from` (RFC 9162, 2.1.4).
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<Digest>, Error> {
        // SAFETY: as above.
        let found = buffer(|made, why| unsafe { sys::openexec_log_consistency(self.0.get(), from, to, made, why) })?;
        let hashes = found.unwrap_or_default();
        Ok(hashes.chunks_exact(32).map(|hash| Digest(hash.try_into().expect("32 bytes"))).collect())
    }

    /// What C2SP tlog-tiles serves under a path, such as `tile/0/000`; `None` where there is no such thing.
    pub fn resource(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        // SAFETY: as above.
        buffer(|made, why| unsafe { sys::openexec_log_resource(self.0.get(), view(path), made, why) })
    }
}
