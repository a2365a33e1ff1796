//! Levels: how much of an exercise is cut out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::exercises::{Book, Edit, Exercise, ItemPath};
use super::text;
use crate::source::Source;

/// How much there is to write.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The expressions on which it depends
    Gentle,
    /// Whole bodies
    #[default]
    Normal,
    /// Whole bodies, and those of the private functions that they call
    Scratch,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gentle => "gentle",
            Self::Normal => "normal",
            Self::Scratch => "scratch",
        })
    }
}

impl Level {
    /// The bodies of an exercise with its holes in place of our text `ours`; whole bodies where it has no gentle form.
    pub fn holes(self, exercise: &Exercise, ours: &[String]) -> Result<Vec<String>> {
        if self != Self::Gentle || exercise.gentle.is_empty() {
            return Ok(ours.iter().map(|body| text::cut_body(exercise, body)).collect());
        }
        let marked = format!("todo!(\"{}: ", exercise.id);
        let numbered = |edit: &Edit| Edit {
            with: edit.with.replace("todo!(\"", &marked),
            item: edit.item.clone(),
            replace: edit.replace.clone(),
        };
        let edits: Vec<Edit> = exercise.gentle.iter().map(numbered).collect();
        text::edited(exercise, ours, &edits)
    }
}

/// Cuts an exercise out of the workspace `root`.
pub fn cut(project: &Path, root: &Path, exercise: &Exercise, level: Level) -> Result<()> {
    let ours = text::bodies(project, exercise)?;
    text::put(root, exercise, &level.holes(exercise, &ours)?)
}

/// Whether bodies are just what one of the levels leaves of our text in `project`.
pub fn is_untouched(project: &Path, exercise: &Exercise, bodies: &[String]) -> Result<bool> {
    let ours = text::bodies(project, exercise)?;
    for level in [Level::Gentle, Level::Normal] {
        if level.holes(exercise, &ours)? == bodies {
            return Ok(true);
        }
    }
    Ok(false)
}

/// For each exercise the private functions that its functions call, directly or by way of each other, and that are neither an
/// exercise nor given: from scratch they are to be written with the first exercise that calls them.
pub fn helpers(project: &Path, book: &Book) -> Result<BTreeMap<String, Vec<ItemPath>>> {
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut given_files: BTreeSet<&str> = BTreeSet::new();
    for chapter in &book.chapters {
        let given = chapter.given.iter().flat_map(|given| &given.items);
        let items = chapter.exercises.iter().flat_map(|exercise| &exercise.items).chain(given);
        known.extend(items.map(ToString::to_string));
        given_files
            .extend(chapter.given.iter().flat_map(|given| given.files.iter()).map(String::as_str));
    }
    let mut helpers = BTreeMap::new();
    for exercise in book.exercises() {
        let mut all = exercise.items.clone();
        let mut place = 0;
        while let Some(caller) = all.get(place).cloned() {
            place += 1;
            if given_files.contains(caller.file.as_str()) {
                continue;
            }
            for called in calls(project, &caller)? {
                if known.insert(called.to_string()) {
                    all.push(called);
                }
            }
        }
        helpers.insert(exercise.id.clone(), all.split_off(exercise.items.len()));
    }
    Ok(helpers)
}

/// The private functions of its file that a function names.
fn calls(project: &Path, caller: &ItemPath) -> Result<Vec<ItemPath>> {
    let source = Source::read(&project.join(&caller.file))?;
    let body = source.body(&caller.name)?;
    let private = source.named().into_iter().filter(|item| item.is_private && item.body.is_some());
    let named = private.filter(|item| {
        let word = item.path.rsplit("::").next().unwrap_or(&item.path);
        item.path != caller.name && source.has_word(word, &body)
    });
    Ok(named.map(|item| ItemPath { file: caller.file.clone(), name: item.path }).collect())
}

#[cfg(test)]
mod tests;
