//! How far the reader is: `.learn/state.json`, and what the bodies themselves say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::exercises::{BESIDE, BESIDE_NAME, Book, Exercise, called};
use super::level::{self, Level};
use super::{text, wrong_use};

/// The folder in the reader's workspace that `learn` keeps its own things in.
pub const FOLDER: &str = ".learn";

/// What the bodies do not say.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// The commit of the project that the workspace was made from.
    pub commit: String,
    /// The chapter that has been cut last.
    pub chapter: usize,
    /// Whether only the shortest way through the book is cut.
    pub spine: bool,
    /// The level of what is cut from now on.
    #[serde(default)]
    pub level: Level,
    /// The level at which each exercise was cut, where it was.
    #[serde(default)]
    pub levels: BTreeMap<String, Level>,
    /// What the reader has left to us, as long as our text is there.
    #[serde(default)]
    pub given: BTreeSet<String>,
    /// What has passed: the hash of its text.
    pub passed: BTreeMap<String, String>,
    /// How many hints were asked for.
    pub hints: BTreeMap<String, usize>,
}

/// What has become of an exercise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Of a chapter that is not cut yet.
    Ahead,
    /// Still to be written.
    Open,
    /// Written, and never passed.
    Written,
    /// The reader's, and it has passed.
    Yours,
    /// It has passed, and was changed since.
    Changed,
    /// The project's own text.
    Given,
}

impl State {
    /// Reads the state of a workspace.
    pub fn read(folder: &Path) -> Result<Self> {
        let file = folder.join(FOLDER).join("state.json");
        let read = || -> Result<Self> { Ok(serde_json::from_str(&fs::read_to_string(&file)?)?) };
        read().with_context(|| {
            format!(
                "{} cannot be read; `cargo learn check --all` makes it anew from your code",
                file.display()
            )
        })
    }

    /// Writes it whole or not at all.
    pub fn write(&self, folder: &Path) -> Result<()> {
        text::write_json(&folder.join(FOLDER).join("state.json"), self)
    }
}

/// A text's hash.
pub fn hash(bodies: &[String]) -> String {
    let digest = Sha256::digest(bodies.concat());
    let digits: Vec<String> = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// The reader's workspace and the project that it comes from.
pub struct Reader<'a> {
    /// The project.
    pub project: &'a Path,
    /// Its exercises.
    pub book: Book,
    /// The reader's folder.
    pub folder: PathBuf,
    pub state: State,
}

impl<'a> Reader<'a> {
    /// The workspace around the current folder.
    pub fn here(project: &'a Path) -> Result<Self> {
        Self::at(project, folder()?)
    }

    /// The workspace in a folder.
    pub fn at(project: &'a Path, folder: PathBuf) -> Result<Self> {
        let state = State::read(&folder)?;
        Self::new(project, folder, state)
    }

    /// The workspace in a folder, with a state of our own; an exercise cut from scratch has more functions.
    pub fn new(project: &'a Path, folder: PathBuf, state: State) -> Result<Self> {
        let mut reader = Self { project, book: Book::read(project)?, folder, state };
        let from_scratch: Vec<String> = reader.of_level(Level::Scratch).cloned().collect();
        if !from_scratch.is_empty() {
            let mut helpers = level::helpers(project, &reader.book)?;
            for id in &from_scratch {
                reader.book.widen(id, helpers.remove(id).unwrap_or_default());
            }
        }
        Ok(reader)
    }

    fn of_level(&self, wanted: Level) -> impl Iterator<Item = &String> {
        self.state.levels.iter().filter(move |(_, level)| **level == wanted).map(|(id, _)| id)
    }

    /// The level at which an exercise was cut.
    pub fn level(&self, exercise: &Exercise) -> Level {
        self.state.levels.get(&exercise.id).copied().unwrap_or_default()
    }

    /// Takes some exercises to be cut at a level.
    pub fn set_level(&mut self, ids: &[String], level: Level) -> Result<()> {
        self.state.levels.extend(ids.iter().map(|id| (id.clone(), level)));
        *self = Self::new(self.project, self.folder.clone(), std::mem::take(&mut self.state))?;
        Ok(())
    }

    /// What has become of an exercise.
    pub fn status(&self, exercise: &Exercise) -> Result<Status> {
        if chapter_of(exercise) > self.state.chapter {
            return Ok(Status::Ahead);
        }
        let Ok(bodies) = text::bodies(&self.folder, exercise) else {
            // What is no Rust, or has lost a function or a file, is for `check` to complain of.
            return Ok(self.status_of_text(exercise));
        };
        if bodies.iter().any(|body| text::is_open(exercise, body)) {
            return Ok(Status::Open);
        }
        let is_given = self.state.given.contains(&exercise.id);
        match self.state.passed.get(&exercise.id) {
            Some(passed) if *passed == hash(&bodies) => Ok(Status::Yours),
            _ if is_given && bodies == text::bodies(self.project, exercise)? => Ok(Status::Given),
            Some(_) => Ok(Status::Changed),
            None => Ok(Status::Written),
        }
    }

    /// The same where the functions cannot be found.
    fn status_of_text(&self, exercise: &Exercise) -> Status {
        for item in &exercise.items {
            let text = fs::read_to_string(self.folder.join(&item.file));
            if text.is_ok_and(|text| text::is_open(exercise, &text)) {
                return Status::Open;
            }
        }
        Status::Written
    }

    /// The first exercise that is not done.
    pub fn current(&self) -> Result<Option<&Exercise>> {
        for exercise in self.book.exercises() {
            if matches!(self.status(exercise)?, Status::Open | Status::Written | Status::Changed) {
                return Ok(Some(exercise));
            }
        }
        Ok(None)
    }

    /// What a command must be told to mean this exercise, with a space before it; nothing for the current one.
    pub fn id_to_type(&self, exercise: &Exercise) -> Result<String> {
        let is_current = self.current()?.is_some_and(|current| current.id == exercise.id);
        Ok(if is_current { String::new() } else { format!(" {}", exercise.id) })
    }

    /// The exercise of this number, or the current one.
    pub fn chosen(&self, id: Option<&str>) -> Result<&Exercise> {
        let exercise = match id {
            Some(id) => self.book.find(id)?,
            None => self.current()?.ok_or_else(|| {
                wrong_use(format!(
                    "{} is written; `cargo learn next` goes on",
                    called(self.state.chapter)
                ))
            })?,
        };
        if self.status(exercise)? == Status::Ahead {
            let of = chapter_of(exercise);
            let next = if of == BESIDE { "next X`" } else { "next`" };
            return Err(wrong_use(format!(
                "{} belongs to {}, and you are in {}; `cargo learn {next} leads there once that is written or given",
                exercise.id,
                called(of),
                called(self.state.chapter)
            )));
        }
        Ok(exercise)
    }
}

/// The chapter that an exercise belongs to.
pub fn chapter_of(exercise: &Exercise) -> usize {
    let name = exercise.id.split('.').next().unwrap_or_default();
    if name == BESIDE_NAME { BESIDE } else { name.parse().unwrap_or_default() }
}

/// The reader's folder: the nearest one from the current folder upwards.
pub fn folder() -> Result<PathBuf> {
    let here = std::env::current_dir()?;
    let found = here.ancestors().find(|folder| folder.join(FOLDER).is_dir());
    found.map(Path::to_path_buf).ok_or_else(|| {
        wrong_use(
            "this is no reader's workspace; `cargo xtask learn start` in the project makes one, and `cargo learn` works inside it".to_owned(),
        )
    })
}
