//! `prove`: shows that the exercises are whole and that their judges see every known mistake.
//!
//! | module | what it shows |
//! | --- | --- |
//! | [`lists`] | every function that the chapters show is an exercise or given, once; all that is named exists |
//! | [`cuts`] | what is cut and given back is the file; with everything cut, all compiles without a warning |
//! | [`reader`], [`talk`] | somebody who writes one exercise after another gets through, and their model answers |
//! | [`variants`] | a hole fails, each wrong solution is rejected at its own exercise, each right one passes |
//! | [`path`] | training and answering by the path of the lesson call what was written |
//!
//! A proof is [`kept`]: `--changed` proves what has changed since, and some others.
//!
//! Wrong and right solutions are compiled at once: [`schemata`] makes each body a choice by an environment variable. [`copy`] keeps
//! the copies of the workspace that this takes.

mod copy;
mod cuts;
mod kept;
mod lists;
mod path;
mod reader;
mod schemata;
mod talk;
mod variants;

use std::path::Path;

use anyhow::{Result, bail};
use xtask::setup;

use super::exercises::{Book, Exercise};
use super::state::chapter_of;
use super::{Outcome, wrong_use};
use kept::Kept;

/// The chapter that the scripted reader writes if nobody names another.
const READ: usize = 2;

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
    let whole = from.is_none();
    prove(
        project,
        &book,
        &chosen,
        &Extent { whole, read: whole.then_some(READ), road: true, keep: true },
    )
}

/// Writes a chapter as a reader would, or the shortest way through the book up to a model that answers.
pub fn read(project: &Path, chapter: Option<&str>) -> Result<Outcome> {
    let findings = match chapter {
        Some(from) => reader::chapter(project, chapter_of(Book::read(project)?.first(from)?))?,
        None => reader::spine(project)?,
    };
    told(&findings, "the scripted reader has got through")
}

/// Proves what has changed since it was proven, and some others; `keep` writes down that it is proven, and how mistakes show.
pub fn changed(project: &Path, keep: bool) -> Result<Outcome> {
    let book = Book::read(project)?;
    let due = Kept::read(project)?.due(project, &book)?;
    prove(project, &book, &due, &Extent { whole: true, read: None, road: false, keep })
}

/// What is proven beside the judges.
struct Extent {
    /// That all exercises can be cut out together.
    whole: bool,
    /// That a reader can write this chapter.
    read: Option<usize>,
    /// Whether what is written is what runs.
    road: bool,
    /// Whether the proof is kept.
    keep: bool,
}

/// Proves some exercises.
fn prove(project: &Path, book: &Book, chosen: &[&Exercise], extent: &Extent) -> Result<Outcome> {
    setup::ensure(project)?;
    let mut findings = lists::check(project, book)?;
    if extent.whole {
        findings.extend(cuts::check(project)?);
    }
    if findings.is_empty() {
        findings.extend(variants::check(project, book, chosen, extent.road, extent.keep)?);
    }
    if let (true, Some(chapter)) = (findings.is_empty(), extent.read) {
        findings.extend(reader::chapter(project, chapter)?);
    }
    told(&findings, &format!("{} exercises are proven", chosen.len()))
}

/// Says that all is well, or what is not.
fn told(findings: &[String], success: &str) -> Result<Outcome> {
    if findings.is_empty() {
        println!("{success}");
        return Ok(Outcome::Done);
    }
    for finding in findings {
        println!("{finding}");
    }
    bail!("{} findings in the exercises", findings.len())
}
