//! `measure`: how long a reader waits, for the first build and for a check after a change of one line.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::level::Level;
use super::start::{self, Wanted};
use super::state::{Reader, chapter_of};
use super::{Outcome, check, text};
use crate::bench::statistics::median;

/// How often each check is measured.
const TIMES: usize = 5;

/// Makes a workspace, and measures in it the first spine exercise of each chapter.
pub fn run(project: &Path) -> Result<Outcome> {
    let home = tempfile::tempdir()?;
    let folder = home.path().join("my-gpt2");
    let start = Instant::now();
    start::run(project, &folder, &Wanted { spine: false, from: "1", level: Level::Normal })?;
    let first_build_s = start.elapsed().as_secs_f64();
    let mut reader = Reader::at(project, folder.canonicalize()?)?;
    let mut rows = Vec::new();
    let chapters: Vec<usize> = reader.book.chapters.iter().map(|chapter| chapter.number).collect();
    for chapter in chapters {
        reader.state.chapter = chapter;
        reader.state.write(&reader.folder)?;
        let ids: Vec<String> = of_chapter(&reader, chapter);
        for id in &ids {
            let exercise = reader.book.find(id)?;
            text::put(&reader.folder, exercise, &text::bodies(project, exercise)?)?;
        }
        rows.push(measured(&mut reader, ids.first().context("a chapter has exercises")?)?);
    }
    println!("\nfirst build: {first_build_s:.0} s");
    println!("check after a change of one line, median of {TIMES} (shortest to longest):");
    for (id, times) in rows {
        let shortest = times.iter().copied().fold(f64::INFINITY, f64::min);
        let longest = times.iter().copied().fold(0.0, f64::max);
        println!("  {id}  {:.1} s ({shortest:.1} to {longest:.1})", median(&times));
    }
    Ok(Outcome::Done)
}

/// The exercises of a chapter, those of the spine first.
fn of_chapter(reader: &Reader, chapter: usize) -> Vec<String> {
    let mut all: Vec<_> =
        reader.book.exercises().filter(|exercise| chapter_of(exercise) == chapter).collect();
    all.sort_by_key(|exercise| !exercise.spine);
    all.into_iter().map(|exercise| exercise.id.clone()).collect()
}

/// Seconds of each check; the first, which builds the judges, does not count.
fn measured(reader: &mut Reader, id: &str) -> Result<(String, Vec<f64>)> {
    let exercise = reader.book.find(id)?;
    let item = exercise.items[0].clone();
    let body = match exercise.by_hand() {
        Some(place) => {
            let ours = text::bodies(reader.project, exercise)?;
            text::edited(exercise, &ours, &exercise.right[place].edits)?[0].clone()
        }
        None => text::body(reader.project, &item)?,
    };
    let mut times = Vec::new();
    for round in 0..=TIMES {
        let edited = body.replacen('{', &format!("{{\n    let _ = {round};"), 1);
        text::replace(&reader.folder, &item, &edited)?;
        let start = Instant::now();
        ensure!(check::run(reader, Some(id))? == Outcome::Done, "{id} does not pass");
        times.push(start.elapsed().as_secs_f64());
    }
    Ok((id.to_owned(), times.split_off(1)))
}
