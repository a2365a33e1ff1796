//! The chapter at hand is cut out of the reader's workspace.

use anyhow::Result;

use super::manifests::Lints;
use super::state::Reader;
use super::{aside, text, workspace};

/// Cuts the exercises of the chapter at hand, from one on.
pub fn chapter(reader: &mut Reader, from: Option<&str>) -> Result<()> {
    let chapter = reader.book.chapter(reader.state.chapter)?;
    let mut has_begun = from.is_none();
    let mut crates = Vec::new();
    let mut given = Vec::new();
    for exercise in &chapter.exercises {
        has_begun = has_begun || from == Some(exercise.id.as_str());
        if !has_begun || (reader.state.spine && !exercise.spine) {
            given.push(exercise.id.clone());
            continue;
        }
        // What was tried out here before its chapter came is kept.
        let theirs = text::bodies(&reader.folder, exercise)?;
        if theirs != text::bodies(reader.project, exercise)? {
            let kept = aside::keep(reader, exercise, &theirs)?;
            println!("your text of {} is kept in {}", exercise.id, kept.display());
        }
        text::cut(&reader.folder, exercise)?;
        let krate = exercise.items[0].krate().to_owned();
        if !crates.contains(&krate) {
            crates.push(krate);
        }
    }
    reader.state.given.extend(given);
    crates.iter().try_for_each(|krate| {
        workspace::set_lints(reader.project, &reader.folder, krate, Lints::Holes)
    })
}
