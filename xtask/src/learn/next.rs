//! `next`: what is to be done, and from chapter to chapter.

use anyhow::Result;

use super::exercises::{BESIDE, BESIDE_NAME, called};
use super::level::Level;
use super::manifests::Lints;
use super::state::Reader;
use super::{Outcome, cut, task, workspace, wrong_use};
use crate::contents::CHAPTERS;

/// Shows the exercise at hand, cut anew if another level is asked for, or goes on to the next chapter; what is beside the book
/// is cut where it is asked for.
pub fn run(reader: &mut Reader, id: Option<&str>, level: Option<Level>) -> Result<Outcome> {
    if let Some(level) = level {
        cut::again(reader, id, level)?;
    }
    let wants_more = id == Some(BESIDE_NAME);
    let is_written = reader.current()?.is_none();
    if !wants_more && (id.is_some() || !is_written) {
        task::show(reader, reader.chosen(id)?)?;
        return Ok(Outcome::Done);
    }
    let done = reader.state.chapter;
    let there_is_more = done == CHAPTERS.len() && reader.book.chapter(BESIDE).is_ok();
    if wants_more && !(is_written && there_is_more) {
        return Err(wrong_use(format!(
            "track {BESIDE_NAME} comes once, after chapter {} is written; `cargo learn` says where you are",
            CHAPTERS.len()
        )));
    }
    println!("{} is written.\n{}", called(done), reader.book.chapter(done)?.finale.trim_end());
    if done >= CHAPTERS.len() && !wants_more {
        println!("\nThat was the book.");
        if there_is_more {
            println!("If you want to write the gradient, too: `cargo learn next {BESIDE_NAME}`");
        }
        return Ok(Outcome::Done);
    }
    go_on(reader)?;
    Ok(Outcome::Done)
}

/// Cuts the next chapter.
fn go_on(reader: &mut Reader) -> Result<()> {
    let done = reader.state.chapter;
    // All holes are closed, so that warnings come back.
    for chapter in &CHAPTERS {
        workspace::set_lints(reader.project, &reader.folder, chapter.name, Lints::All)?;
    }
    reader.state.chapter = done + 1;
    cut::chapter(reader, None)?;
    reader.state.write(&reader.folder)?;
    println!("\n{} is cut out of your workspace now.\n", called(reader.state.chapter));
    if let Some(exercise) = reader.current()? {
        task::show(reader, exercise)?;
    }
    Ok(())
}
