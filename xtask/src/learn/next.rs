//! `next`: what is to be done, and from chapter to chapter.

use anyhow::Result;

use super::manifests::Lints;
use super::state::Reader;
use super::{Outcome, cut, task, workspace};

/// Shows the exercise at hand, or goes on to the next chapter.
pub fn run(reader: &mut Reader, id: Option<&str>) -> Result<Outcome> {
    if id.is_some() || reader.current()?.is_some() {
        task::show(reader, reader.chosen(id)?);
        return Ok(Outcome::Done);
    }
    let done = reader.state.chapter;
    println!("chapter {done} is written.\n{}", reader.book.chapter(done)?.finale.trim_end());
    if !reader.book.chapters.iter().any(|chapter| chapter.number == done + 1) {
        println!("\nThere is nothing left to write.");
        return Ok(Outcome::Done);
    }
    // The holes of this chapter are closed, so its warnings come back.
    for exercise in &reader.book.chapter(done)?.exercises {
        let krate = exercise.items[0].krate();
        workspace::set_lints(reader.project, &reader.folder, krate, Lints::All)?;
    }
    reader.state.chapter = done + 1;
    cut::chapter(reader, None)?;
    reader.state.write(&reader.folder)?;
    println!("\nchapter {} is cut out of your workspace now.\n", done + 1);
    if let Some(exercise) = reader.current()? {
        task::show(reader, exercise);
    }
    Ok(Outcome::Done)
}
