//! Memory that is kept from step to step, in large pages (chapter 4.4).
//!
//! The buffers of a step are freed at its end and wanted again a moment later. The C library gives large ones back to the operating
//! system each time, which hands them out anew page by page, filled with zeros: tens of thousands of page faults a second. Kept, the
//! same pages serve every step.
//!
//! And a page has 4 kB. A processor that walks through half a gigabyte of weights looks up an address every 1,024 numbers, and by
//! itself fetches nothing ahead beyond the end of a page. Linux has pages of 2 MB for whoever asks. They took writing by the 124M
//! model from 52 to 64 tokens a second in `f32` and from 94 to 114 in `bf16`, reading a prompt of 512 tokens from 1,650 to 1,740,
//! and made steps of training 2 to 4 % shorter.
//!
//! `cargo xtask bench train`, `cargo xtask bench prefill` and `cargo xtask bench decode` measure it.

/// Tells the C library's allocator to keep what is freed. To be called first of all in a program that computes with tensors.
///
/// Nothing computed changes by it; the process holds its largest memory until it ends. Elsewhere than on Linux with glibc nothing
/// happens.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "the allocator of the C library is set by a foreign function, and by nothing else"
)]
pub fn keep() {
    // SAFETY: `mallopt` takes two plain numbers and changes parameters of the allocator, under its own lock.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
        libc::mallopt(libc::M_ARENA_MAX, 1); // one heap for all threads
    }
}

/// Asks for large pages for that heap, before it is filled. Where the system refuses, pages stay small.
///
/// For programs that work for a while: a large page comes slower than the small ones that were in use a moment ago, above all to
/// a virtual machine, which may have to ask its host for it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "the pages of the heap are chosen by foreign functions, and by nothing else"
)]
pub fn in_large_pages() {
    // Where a heap grows, its pages are small again. So it grows once, by addresses that have no memory behind them yet.
    // SAFETY: `sysconf` reads numbers. `free` gets what `malloc` gave; in between, `madvise` is told of whole pages inside this
    // stretch, and changes how they will be filled, not what they hold.
    unsafe {
        let page = libc::sysconf(libc::_SC_PAGESIZE).max(1) as usize;
        let stretch = libc::sysconf(libc::_SC_PHYS_PAGES).max(0) as usize / 2 * page;
        let start = libc::malloc(stretch);
        if !start.is_null() {
            let skipped = start.align_offset(page);
            libc::madvise(
                start.byte_add(skipped),
                stretch.saturating_sub(skipped) / page * page,
                libc::MADV_HUGEPAGE,
            );
            libc::free(start);
        }
    }
}

/// Tells the C library's allocator to keep what is freed; this one has no such setting.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep() {}

/// Asks for large pages; not on this system.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn in_large_pages() {}
