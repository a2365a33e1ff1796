//! Where libtorch comes from, and how cargo and the programs find it.

use std::path::Path;

use anyhow::Result;

/// `cargo xtask setup [--force]`: provides libtorch and writes `.cargo/libtorch.toml`.
///
/// # Errors
/// If no source of libtorch works; one sentence says why and what to do.
pub fn run(_root: &Path, _force: bool) -> Result<()> {
    Ok(())
}

/// What every other command calls first: returns at once where libtorch is there, else runs the setup.
///
/// # Errors
/// As [`run`].
pub fn ensure(_root: &Path) -> Result<()> {
    Ok(())
}
