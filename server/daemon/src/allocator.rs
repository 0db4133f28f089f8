//! What is asked of the allocator; of others than glibc's nothing is known.

/// Keeps what all threads allocate in no more heaps than there are processors, instead of eight times as many: what a login needs only
/// for itself leaves holes in every heap that it passes. To be called before there are threads.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the allocator has no safe way in")]
pub(crate) fn bound_heaps() {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let heaps = libc::c_int::try_from(processors).unwrap_or(libc::c_int::MAX);
    // SAFETY: it takes two numbers; there is no other thread.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, heaps);
    }
}

/// Nothing.
#[cfg(not(target_env = "gnu"))]
pub(crate) const fn bound_heaps() {}

/// Gives freed memory back to the system: without it the allocator keeps what a storm has left, and the server would stay short of memory
/// that it does not use.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the allocator has no safe way in")]
pub(crate) fn trim() {
    // SAFETY: it takes a number, may be called by any thread at any time, and touches no memory that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Nothing.
#[cfg(not(target_env = "gnu"))]
pub(crate) const fn trim() {}
