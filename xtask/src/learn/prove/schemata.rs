//! All solutions of an exercise in one program: each body becomes a choice by an environment variable.

use std::path::Path;

use anyhow::Result;

use crate::learn::exercises::Exercise;
use crate::learn::text;

/// The solution that is a hole.
pub const HOLE: &str = "hole";

/// The solution that is a hole in the function of this place only.
pub fn hole_in(place: usize) -> String {
    format!("{HOLE} {place}")
}

/// The variable that chooses the solution of an exercise; without it ours runs.
pub fn variable(exercise: &Exercise) -> String {
    format!("LEARN_{}", exercise.id.replace('.', "_"))
}

/// The name of a wrong solution, by its place.
pub fn wrong(place: usize) -> String {
    format!("wrong {place}")
}

/// The name of a right solution, by its place.
pub fn right(place: usize) -> String {
    format!("right {place}")
}

/// Writes all solutions of an exercise into a copy of the workspace.
pub fn write(project: &Path, folder: &Path, exercise: &Exercise) -> Result<()> {
    let reference = text::bodies(project, exercise)?;
    let hole = format!("{{ {} }}", text::hole(exercise));
    let mut solutions = vec![(HOLE.to_owned(), vec![hole.clone(); reference.len()])];
    // What our text leaves to libtorch is written by hand around such a hole, so that all functions are called.
    let written = match exercise.by_hand() {
        Some(place) => text::edited(exercise, &reference, &exercise.right[place].edits)?,
        None => reference.clone(),
    };
    for place in 0..reference.len() {
        let mut bodies = written.clone();
        bodies[place].clone_from(&hole);
        solutions.push((hole_in(place), bodies));
    }
    for (place, variant) in exercise.wrong.iter().enumerate() {
        solutions.push((wrong(place), text::edited(exercise, &reference, &variant.edits)?));
    }
    for (place, variant) in exercise.right.iter().enumerate() {
        solutions.push((right(place), text::edited(exercise, &reference, &variant.edits)?));
    }
    for (place, item) in exercise.items.iter().enumerate() {
        let arm =
            |(name, bodies): &(String, Vec<String>)| format!("{name:?} => {},\n", bodies[place]);
        let arms = solutions.iter().map(arm).collect::<Vec<_>>().concat();
        let chosen = format!(
            "{{ static CHOSEN: std::sync::OnceLock<String> = std::sync::OnceLock::new();\n\
             match CHOSEN.get_or_init(|| std::env::var({:?}).unwrap_or_default()).as_str() {{\n{arms}_ => {} }} }}",
            variable(exercise),
            reference[place]
        );
        text::replace(folder, item, &chosen)?;
    }
    Ok(())
}
