//! How much memory there is, by Linux's own account.

/// The bytes that a line such as `MemAvailable:  9000 kB` tells, in the text of `/proc/meminfo` or of a process's `status`.
pub fn bytes(account: &str, name: &str) -> Option<u64> {
    let line = account.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_its_whole_name() {
        let account = "MemFreeSwap:  7 kB\nMemFree:     100 kB\nHugePages:  3\n";
        assert_eq!(bytes(account, "MemFree"), Some(100 * 1024));
        assert_eq!(bytes(account, "HugePages"), None, "it counts no kilobytes");
        assert_eq!(bytes("", "MemFree"), None);
    }
}
