//! Giving freed memory back to the system: without it the allocator keeps what a storm has left, and the server would stay short of memory
//! that it does not use.

/// Gives back what can be given back; of allocators other than glibc's nothing is known.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the allocator has no safe way in")]
pub(super) fn trim() {
    // SAFETY: it takes a number, may be called by any thread at any time, and touches no memory that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Nothing.
#[cfg(not(target_env = "gnu"))]
pub(super) const fn trim() {}
