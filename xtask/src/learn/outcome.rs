//! How a command ends.

use std::fmt;

/// How a command ended that did what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// The code is not right yet.
    NotYet,
}

/// Something was asked for that cannot be: the exit code is 2, as for an unknown option.
#[derive(Debug)]
pub struct WrongUse(String);

impl fmt::Display for WrongUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUse {}

/// The error of a command that cannot be followed.
pub fn wrong_use(sentence: String) -> anyhow::Error {
    WrongUse(sentence).into()
}
