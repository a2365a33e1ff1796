//! How much memory something takes, as the system counts it: libtorch allocates where Rust's own counters do not look.

use std::{
    fs,
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

/// Runs `run`, in which this process must grow by less than so many bytes. Elsewhere than on Linux nothing tells, and one line says so.
///
/// What other tests do at the same time is counted too, but two that measure take turns.
///
/// # Panics
/// If it grows further, or Linux does not tell.
#[track_caller]
pub fn takes_less_than<T>(bytes: u64, run: impl FnOnce() -> T) -> T {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if !cfg!(target_os = "linux") {
        let _ =
            writeln!(io::stderr(), "skipped: this system does not say how much memory is taken");
        return run();
    }
    // The highest mark so far is set back to what is resident now (Linux, `man 5 proc_pid_clear_refs`).
    fs::write("/proc/self/clear_refs", "5").expect("the mark of one's own process can be set back");
    let before = kibibytes("VmRSS:");
    let result = run();
    let taken = kibibytes("VmHWM:").saturating_sub(before) * 1024;
    assert!(taken < bytes, "{taken} bytes were taken");
    result
}

fn kibibytes(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let value = status.lines().find_map(|line| line.strip_prefix(field)).expect("a known field");
    value.trim().trim_end_matches(" kB").parse().expect("a number of kilobytes")
}
