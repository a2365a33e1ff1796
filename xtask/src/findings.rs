//! What checks find: lines that begin with a file, and how a command ends that has them.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// A finding in a file, the file seen from the project's folder.
pub fn at(project: &Path, file: &Path, finding: &str) -> String {
    format!("{}: {finding}", seen_from(project, file).display())
}

/// A file, seen from the project's folder.
pub fn seen_from(project: &Path, file: &Path) -> PathBuf {
    file.strip_prefix(project).unwrap_or(file).to_path_buf()
}

/// Says that all is well, or prints the findings and fails with how many they are of what.
pub fn verdict(findings: &[String], well: &str, what: &str) -> Result<()> {
    if findings.is_empty() {
        println!("{well}");
        return Ok(());
    }
    println!("{}", findings.join("\n"));
    bail!("{} {what}", findings.len())
}
