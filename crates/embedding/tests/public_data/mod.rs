//! Where tests find public texts, instructions and reference values, which no clone brings. Tests of all crates include this file.

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A file or folder of the public material beside the project, or in the folder that `GPT2_DATA` names; where it is missing, a skip
/// with one line, or with `GPT2_REQUIRE_DATA=1` a failure.
pub fn public_data(path: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = env::var_os("GPT2_DATA").map_or_else(beside, PathBuf::from).join(path);
    if path.exists() {
        return Some(path);
    }
    assert!(env::var_os("GPT2_REQUIRE_DATA").is_none(), "{} is missing", path.display());
    let _ = writeln!(io::stderr(), "skipped: {} is missing", path.display()); // not eprintln, which a passing test swallows
    None
}
