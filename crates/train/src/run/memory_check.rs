//! Whether a model has room in memory (chapter 4.4), asked before anything is allocated for it: a system that has given away all its
//! memory ends a process without a word.

use anyhow::{Result, ensure};
use model::config::Gpt2Config;
use std::fs;
use xtask::memory;

/// Bytes for each parameter in training: itself, its gradient and two moments, 32 bits each.
const BYTES: u64 = 16;

/// Refuses a model that cannot be trained in the memory that is free.
///
/// Where the system does not tell how much that is, every model passes.
///
/// # Errors
/// If there is not room for weights, gradients and moments; activations come on top.
pub fn check(config: &Gpt2Config) -> Result<()> {
    let (meminfo, limit, used) = (
        fs::read_to_string("/proc/meminfo").unwrap_or_default(),
        fs::read_to_string("/sys/fs/cgroup/memory.max").unwrap_or_default(),
        fs::read_to_string("/sys/fs/cgroup/memory.current").unwrap_or_default(),
    );
    let free = [of_machine(&meminfo), of_container(&limit, &used)].into_iter().flatten().min();
    check_within(config, free.unwrap_or(u64::MAX))
}

fn check_within(config: &Gpt2Config, free: u64) -> Result<()> {
    let needed = config.parameters() as u64 * BYTES;
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    ensure!(
        needed <= free,
        "{} parameters take at least {:.1} GB in training, and {:.1} GB are free; take a smaller model",
        config.parameters(),
        gigabytes(needed),
        gigabytes(free)
    );
    Ok(())
}

/// Bytes that can be had, swapping included, by Linux's own account.
fn of_machine(meminfo: &str) -> Option<u64> {
    Some(memory::bytes(meminfo, "MemAvailable")? + memory::bytes(meminfo, "SwapFree")?)
}

/// Bytes that a container may still take; its limit may also be the word `max`.
fn of_container(limit: &str, used: &str) -> Option<u64> {
    Some(limit.trim().parse::<u64>().ok()?.saturating_sub(used.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_without_room_is_refused_with_what_it_takes_and_what_there_is() {
        let said =
            check_within(&Gpt2Config::XL, 16_000_000_000).expect_err("25 GB in 16").to_string();
        assert_eq!(
            said,
            "1557611200 parameters take at least 24.9 GB in training, and 16.0 GB are free; take a smaller model"
        );
        check_within(&Gpt2Config::SMALL, 16_000_000_000).expect("2 GB in 16");
        check(&Gpt2Config { vocab_size: 10, ..Gpt2Config::TINY }).expect("a few megabytes");
    }

    #[test]
    fn free_memory_is_read_as_linux_tells_it() {
        let meminfo = "MemTotal:       16000 kB\nMemFree:  100 kB\nMemAvailable:    9000 kB\nSwapFree:        1000 kB\n";
        assert_eq!(of_machine(meminfo), Some(10_000 * 1024));
        assert_eq!(of_machine(""), None);
        assert_eq!(
            (of_container("5000\n", "2000\n"), of_container("max\n", "2000\n")),
            (Some(3000), None)
        );
    }
}
