//! How much memory something takes, as the system counts it: libtorch allocates where Rust's own counters do not look.

use std::{
    fs,
    sync::{Mutex, PoisonError},
};

/// The bytes by which this process grew at most while `run` ran; nothing where the system does not tell.
///
/// What other tests do at the same time is counted too, but two that measure take turns.
pub fn bytes_taken(run: impl FnOnce()) -> Option<u64> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // The highest mark so far is set back to what is resident now (Linux, `man 5 proc_pid_clear_refs`).
    let can_be_told = fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = kibibytes("VmRSS:");
    run();
    let taken = kibibytes("VmHWM:")?.saturating_sub(before?) * 1024;
    if !can_be_told {
        println!("skipped: this system does not say how much memory a process has had");
    }
    can_be_told.then_some(taken)
}

fn kibibytes(field: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix(field))?
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .ok()
}
