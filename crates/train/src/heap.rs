//! Memory that is kept from step to step (chapter 4.4).
//!
//! The buffers of a step are freed at its end and wanted again a moment later. The C library gives large ones back to the operating
//! system each time, which hands them out anew page by page, filled with zeros: tens of thousands of page faults a second. Kept, the
//! same pages serve every step.

/// Tells the C library's allocator to keep what is freed. To be called first of all in a program that trains.
///
/// Nothing computed changes by it; the process holds its largest memory until it ends. Elsewhere than on glibc nothing happens.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator of the C library is set by a foreign function, and by nothing else")]
pub fn keep() {
    // SAFETY: `mallopt` takes two plain numbers and changes parameters of the allocator, under its own lock.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
    }
}

/// Tells the C library's allocator to keep what is freed; this one has no such setting.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep() {}
