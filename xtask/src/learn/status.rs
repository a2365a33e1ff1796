//! `status`: what is the reader's, what is given, and what is open.

use anyhow::Result;

use super::Outcome;
use super::state::{Reader, Status, chapter_of};
use crate::contents::CHAPTERS;

/// Prints a line for each section, and how far that is.
pub fn run(reader: &Reader) -> Result<Outcome> {
    let mut all: Vec<(&str, String)> = Vec::new();
    for exercise in reader.book.exercises() {
        all.push((
            exercise.section(),
            format!("{} {}", exercise.id, word(reader.status(exercise)?)),
        ));
    }
    for of_section in all.chunk_by(|one, other| one.0 == other.0) {
        let words: Vec<&str> = of_section.iter().map(|(_, word)| word.as_str()).collect();
        println!("  {}", words.join("  "));
    }
    count(reader)?;
    Ok(Outcome::Done)
}

/// Says how far the reader is.
pub fn count(reader: &Reader) -> Result<()> {
    let mut of = [0; 6];
    // What stands beside the book counts once it has begun.
    let last = reader.state.chapter.max(CHAPTERS.len());
    for exercise in reader.book.exercises().filter(|exercise| chapter_of(exercise) <= last) {
        of[reader.status(exercise)? as usize] += 1;
    }
    let number = |status: Status| of[status as usize];
    let total: usize = of.iter().sum();
    print!(
        "  {} of {total} exercises are yours, {} given, {} open",
        number(Status::Yours),
        number(Status::Given),
        number(Status::Open) + number(Status::Written)
    );
    for (status, what) in
        [(Status::Changed, "changed since they passed"), (Status::Ahead, "in chapters to come")]
    {
        if number(status) > 0 {
            print!(", {} {what}", number(status));
        }
    }
    println!();
    Ok(())
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Ahead => "ahead",
        Status::Open => "open",
        Status::Written => "written",
        Status::Yours => "yours",
        Status::Changed => "changed",
        Status::Given => "given",
    }
}
