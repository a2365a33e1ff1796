//! `give`, `take` and `diff`: our text and the reader's, exchanged so that nothing is lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use super::exercises::{Exercise, ItemPath};
use super::state::{FOLDER, Reader, Status};
use super::{Outcome, level, text, wrong_use};

/// Begins the part of a kept text that belongs to a function.
const MARK: &str = "//# ";

/// Puts our text in place of the reader's, which is kept.
pub fn give(reader: &mut Reader, ids: &[String]) -> Result<Outcome> {
    for id in &meant(reader, ids)? {
        let exercise = reader.chosen(Some(id))?;
        let ours = text::bodies(reader.project, exercise)?;
        exchange(reader, exercise, &ours)?;
        reader.state.given.insert(id.clone());
        reader.state.write(&reader.folder)?;
        let exercise = reader.book.find(id)?;
        if kept(reader, exercise)?.is_empty() {
            println!("{id} is given; {}", cut_again(reader, exercise));
        } else {
            println!("{id} is given; `cargo learn take {id}` takes yours back");
        }
    }
    Ok(Outcome::Done)
}

/// The exercises of these numbers, and all open ones of a chapter or a section.
fn meant(reader: &Reader, ids: &[String]) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for id in ids {
        let first = reader.book.first(id)?;
        if first.id == *id {
            all.push(id.clone());
            continue;
        }
        reader.chosen(Some(&first.id))?;
        let before = all.len();
        for exercise in reader.book.exercises() {
            let is_in_it = exercise.id.starts_with(&format!("{id}."));
            if is_in_it && reader.status(exercise)? == Status::Open {
                all.push(exercise.id.clone());
            }
        }
        if all.len() == before {
            return Err(wrong_use(format!("nothing is open in {id}")));
        }
    }
    Ok(all)
}

/// Puts the reader's last kept text back.
pub fn take(reader: &mut Reader, ids: &[String]) -> Result<Outcome> {
    for id in ids {
        let exercise = reader.chosen(Some(id))?;
        let Some(file) = kept(reader, exercise)?.pop() else {
            let instead = match reader.status(exercise)? {
                Status::Given => cut_again(reader, exercise),
                _ => "what stands in your files was never replaced".to_owned(),
            };
            return Err(wrong_use(format!("no text of yours is kept for {id}; {instead}")));
        };
        let theirs = split(reader, exercise, &fs::read_to_string(&file)?)
            .with_context(|| format!("{} is not as it was kept", file.display()))?;
        exchange(reader, exercise, &theirs)?;
        reader.state.given.remove(id);
        reader.state.write(&reader.folder)?;
        println!("{id} is yours again, from {}", file.display());
    }
    Ok(Outcome::Done)
}

/// How something given is cut out, at the level at which it was cut before.
fn cut_again(reader: &Reader, exercise: &Exercise) -> String {
    let (id, level) = (&exercise.id, reader.level(exercise));
    format!("`cargo learn next {id} --level {level}` cuts it out for you to write")
}

/// Puts other bodies in place, and keeps what stood there unless it is open, ours, or kept already.
pub fn exchange(reader: &Reader, exercise: &Exercise, new: &[String]) -> Result<()> {
    let now = text::bodies(&reader.folder, exercise).with_context(|| {
        format!(
            "the text of {} cannot be found in your files; `cargo learn check {}` shows what is wrong with them",
            exercise.id, exercise.id
        )
    })?;
    let ours = text::bodies(reader.project, exercise)?;
    if now != ours && !level::is_untouched(reader.project, exercise, &now)? {
        keep(reader, exercise, &now)?;
    }
    text::put(&reader.folder, exercise, new)
}

/// Keeps a text under a name that no other text has; one that is kept already stays where it is.
pub fn keep(reader: &Reader, exercise: &Exercise, bodies: &[String]) -> Result<PathBuf> {
    let parts = exercise.items.iter().zip(bodies);
    let parts: Vec<String> = parts.map(|(item, body)| format!("{MARK}{item}\n{body}\n")).collect();
    let whole = parts.concat();
    let earlier = kept(reader, exercise)?;
    if let Some(last) = earlier.last()
        && fs::read_to_string(last)? == whole
    {
        return Ok(last.clone());
    }
    let folder = reader.folder.join(FOLDER).join("mine");
    fs::create_dir_all(&folder)?;
    // Not how many there are: the reader may have thrown some away.
    let last = earlier.last().and_then(|file| number_of(file)).unwrap_or_default();
    let file = folder.join(format!("{}-{:03}.rs", exercise.id, last + 1));
    ensure!(!file.exists(), "{} is there already", file.display());
    text::write(&file, &whole)?;
    Ok(file)
}

fn number_of(file: &Path) -> Option<usize> {
    file.file_stem()?.to_str()?.rsplit_once('-')?.1.parse().ok()
}

/// The kept texts of an exercise, the oldest first.
fn kept(reader: &Reader, exercise: &Exercise) -> Result<Vec<PathBuf>> {
    let pattern = format!("{FOLDER}/mine/{}-[0-9][0-9][0-9].rs", exercise.id);
    crate::files::matching(&reader.folder, &pattern)
}

/// The bodies of a kept text, in the order of the exercise's functions; one that is not in it, as there was less to write at
/// another level, stays as it is.
fn split(reader: &Reader, exercise: &Exercise, whole: &str) -> Result<Vec<String>> {
    let mut parts = BTreeMap::new();
    for part in whole.split(MARK).skip(1) {
        let (name, body) = part.split_once('\n').context("a name without a body")?;
        parts.insert(name, body.strip_suffix('\n').unwrap_or(body).to_owned());
    }
    ensure!(!parts.is_empty(), "it holds no function");
    let body = |item: &ItemPath| match parts.get(item.to_string().as_str()) {
        Some(body) => Ok(body.clone()),
        None => text::body(&reader.folder, item),
    };
    exercise.items.iter().map(body).collect()
}

/// Shows the reader's text beside ours, and the known mistakes.
pub fn diff(reader: &Reader, id: &str, spoil: bool) -> Result<Outcome> {
    let exercise = reader.chosen(Some(id))?;
    let has_passed = matches!(reader.status(exercise)?, Status::Yours | Status::Given);
    if !has_passed && !spoil {
        return Err(wrong_use(format!(
            "{id} has not passed yet; `cargo learn diff {id} --spoil` shows our text all the same"
        )));
    }
    for item in &exercise.items {
        println!("{item}\nyours  {}", text::body(&reader.folder, item)?);
        println!("ours   {}", text::body(reader.project, item)?);
    }
    println!("known mistakes:");
    for variant in &exercise.wrong {
        println!("  {}: {}", variant.name, variant.why);
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests;
