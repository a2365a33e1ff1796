//! Which code computes: the lesson's, or the fast path where it has proven that it does the same.

use anyhow::{Context, Result, bail};
use std::{fmt, str::FromStr};

/// Two ways to the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodePath {
    /// What the chapters show.
    Lesson,
    /// What is behind the door `fast`.
    Fast,
}

impl FromStr for CodePath {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "lesson" => Ok(Self::Lesson),
            "fast" => Ok(Self::Fast),
            _ => bail!("the paths are lesson and fast"),
        }
    }
}

impl fmt::Display for CodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lesson => "lesson",
            Self::Fast => "fast",
        })
    }
}

/// Takes the fast path if it can be had and nobody asks for the lesson; otherwise, or if none is asked for and `fast` fails, the
/// lesson, and tells why.
///
/// # Errors
/// If the fast path is asked for and fails.
pub fn choose<T>(
    wanted: Option<CodePath>,
    fast: impl FnOnce() -> Result<T>,
) -> Result<std::result::Result<T, Option<String>>> {
    match wanted {
        Some(CodePath::Lesson) => Ok(Err(None)),
        Some(CodePath::Fast) => fast().context("the fast path cannot be taken").map(Ok),
        None => Ok(fast().map_err(|reason| Some(format!("{reason:#}; going on by the lesson")))),
    }
}
