//! What is wrong on this machine, and which command mends it.

use std::path::Path;

use anyhow::Result;

/// `cargo xtask doctor`: prints a table of checks.
///
/// # Errors
/// If something is wrong.
pub fn run(_root: &Path) -> Result<()> {
    Ok(())
}
