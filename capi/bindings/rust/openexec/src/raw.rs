// SPDX-License-Identifier: Apache-2.0
//! The border: views, owned handles, errors. What is unsafe everywhere is explained here once.
//!
//! Strings go in as views that C does not keep. Views that come out of a handle live as long as it. Handles that come
//! out are owned by exactly one [`Owned`].

use crate::codes::Code;
use crate::error::{Error, No};
use openexec_sys as sys;
use std::ptr::{self, NonNull};

/// A view of a string, for the duration of a call.
pub(crate) fn view(text: &str) -> sys::openexec_str {
    bytes(text.as_bytes())
}

/// A view of bytes, for the duration of a call.
pub(crate) fn bytes(given: &[u8]) -> sys::openexec_str {
    sys::openexec_str { data: given.as_ptr().cast(), size: given.len() }
}

/// A view that may be absent, which is not the same as empty.
pub(crate) fn optional(text: Option<&str>) -> sys::openexec_str {
    text.map_or(sys::openexec_str { data: ptr::null(), size: 0 }, view)
}

/// The bytes of a view.
///
/// # Safety
/// The view is C's, and lives for `'a`.
pub(crate) unsafe fn slice<'a>(view: sys::openexec_str) -> &'a [u8] {
    if view.size == 0 {
        return &[];
    }
    // SAFETY: not empty, so `data` points to `size` bytes.
    unsafe { std::slice::from_raw_parts(view.data.cast(), view.size) }
}

/// The text of a view. All text that comes from C is UTF-8.
///
/// # Safety
/// As [`slice`].
pub(crate) unsafe fn text<'a>(view: sys::openexec_str) -> &'a str {
    // SAFETY: the caller's.
    std::str::from_utf8(unsafe { slice(view) }).expect("openexec: text that is not UTF-8")
}

/// What C makes, and its destroy function.
pub(crate) trait Destroy: Sized {
    /// # Safety
    /// `place` holds a handle that nobody else owns, or null.
    unsafe fn destroy(place: *mut *mut Self);
}

macro_rules! destroyed_by {
    ($($handle:ident $destroy:ident),* $(,)?) => {$(
        impl Destroy for sys::$handle {
            unsafe fn destroy(place: *mut *mut Self) {
                // SAFETY: the caller's.
                unsafe { sys::$destroy(place) }
            }
        }
    )*};
}
destroyed_by! {
    openexec_buffer openexec_buffer_destroy,
    openexec_cancellation openexec_cancellation_destroy,
    openexec_config openexec_config_destroy,
    openexec_error openexec_error_destroy,
    openexec_evidence openexec_evidence_destroy,
    openexec_executor openexec_executor_destroy,
    openexec_log openexec_log_destroy,
    openexec_outcome openexec_outcome_destroy,
    openexec_proposal openexec_proposal_destroy,
}

/// The owner of a handle. Neither `Send` nor `Sync`: the types that hold one say what is true of theirs.
pub(crate) struct Owned<T: Destroy>(NonNull<T>);

impl<T: Destroy> Owned<T> {
    /// Takes what an out parameter was set to; `None` for null.
    ///
    /// # Safety
    /// Nobody else owns it.
    pub(crate) unsafe fn take(handle: *mut T) -> Option<Self> {
        NonNull::new(handle).map(Self)
    }

    pub(crate) fn get(&self) -> *mut T {
        self.0.as_ptr()
    }

    /// Calls what makes one.
    pub(crate) fn make(
        call: impl FnOnce(*mut *mut T, *mut *mut sys::openexec_error) -> sys::openexec_code,
    ) -> Result<Self, Error> {
        Self::find(call)?.ok_or_else(|| Error::of(Code::StoreFailed, "the library made nothing"))
    }

    /// Calls what makes one, or succeeds and makes none.
    pub(crate) fn find(
        call: impl FnOnce(*mut *mut T, *mut *mut sys::openexec_error) -> sys::openexec_code,
    ) -> Result<Option<Self>, Error> {
        let mut made = ptr::null_mut();
        let asked = ask(|why| call(&mut made, why));
        // SAFETY: an out parameter, null on failure.
        let made = unsafe { Self::take(made) };
        asked.map(|()| made)
    }
}

impl<T: Destroy> Drop for Owned<T> {
    fn drop(&mut self) {
        let mut handle = self.0.as_ptr();
        // SAFETY: this is its owner.
        unsafe { T::destroy(&mut handle) }
    }
}

/// Calls what answers with a code and an error.
pub(crate) fn ask(call: impl FnOnce(*mut *mut sys::openexec_error) -> sys::openexec_code) -> Result<(), Error> {
    let mut why = ptr::null_mut();
    let code = call(&mut why);
    no(code, why).map_or(Ok(()), |no| Err(Error::from(no)))
}

/// The no that a code and an error say, which is taken; `None` for a yes.
pub(crate) fn no(code: sys::openexec_code, why: *mut sys::openexec_error) -> Option<No> {
    // SAFETY: an out parameter, that only the caller had.
    let why = unsafe { Owned::take(why) };
    if code == sys::OPENEXEC_OK {
        return None;
    }
    // SAFETY: a view of a live handle.
    let detail = why.map(|why| unsafe { text(sys::openexec_error_detail(why.get())) }.to_owned());
    Some(No::new(Code::from_raw(code), detail.unwrap_or_default()))
}

/// The bytes of what C wrote into a buffer.
pub(crate) fn buffer(
    call: impl FnOnce(*mut *mut sys::openexec_buffer, *mut *mut sys::openexec_error) -> sys::openexec_code,
) -> Result<Option<Vec<u8>>, Error> {
    let found = Owned::find(call)?;
    // SAFETY: a view of a live handle.
    Ok(found.map(|found| unsafe { slice(sys::openexec_buffer_view(found.get())) }.to_vec()))
}

/// The same as text, or empty if the call wrote no buffer.
pub(crate) fn written(
    call: impl FnOnce(*mut *mut sys::openexec_buffer, *mut *mut sys::openexec_error) -> sys::openexec_code,
) -> Result<String, Error> {
    let found = buffer(call)?.unwrap_or_default();
    String::from_utf8(found).map_err(|_| Error::of(Code::StoreFailed, "the library wrote no UTF-8"))
}
