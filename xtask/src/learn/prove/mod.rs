//! `prove`: shows that the exercises are whole and that their judges see every known mistake.
//!
//! | module | what it shows |
//! | --- | --- |
//! | [`lists`] | every function that the chapters show is an exercise or given, once; all that is named exists |
//! | [`cuts`] | what is cut and given back is the file; with everything cut, all compiles without a warning |
//! | [`variants`] | a hole fails, each wrong solution is rejected at its own exercise, each right one passes |
//!
//! Wrong and right solutions are compiled at once: [`schemata`] makes each body a choice by an environment variable. [`copy`] keeps
//! the copies of the workspace that this takes.

mod copy;
mod cuts;
mod lists;
mod schemata;
mod variants;

use std::path::Path;

use anyhow::{Result, bail};
use xtask::setup;

use super::exercises::{Book, Exercise};
use super::{Outcome, wrong_use};

/// Proves all exercises, or those of a chapter, a section or a number.
pub fn run(project: &Path, from: Option<&str>) -> Result<Outcome> {
    let book = Book::read(project)?;
    let is_chosen = |exercise: &&Exercise| {
        from.is_none_or(|from| exercise.id == from || exercise.id.starts_with(&format!("{from}.")))
    };
    let chosen: Vec<&Exercise> = book.exercises().filter(is_chosen).collect();
    if chosen.is_empty() {
        return Err(wrong_use(format!("there is no exercise in {}", from.unwrap_or_default())));
    }
    setup::ensure(project)?;
    let mut findings = lists::check(project, &book)?;
    if from.is_none() {
        findings.extend(cuts::check(project, &book)?);
    }
    if findings.is_empty() {
        findings.extend(variants::check(project, &book, &chosen)?);
    }
    if findings.is_empty() {
        println!("{} exercises are proven", chosen.len());
        return Ok(Outcome::Done);
    }
    for finding in &findings {
        println!("{finding}");
    }
    bail!("{} findings in the exercises", findings.len())
}
