//! What there is to write: `chapters/exercises/1-embedding.toml` to `5-finetune.toml` and `x-gradient.toml`, in the order of doing.

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use serde::Deserialize;

use super::judge::Judge;
use super::wrong_use;
use crate::contents::CHAPTERS;
use crate::files::matching;

/// The exercises beside the book, after its last chapter: `x-gradient.toml`, numbered `X.1` and on.
pub const BESIDE: usize = CHAPTERS.len() + 1;
/// What their numbers begin with.
pub const BESIDE_NAME: &str = "X";

/// The page on which the exercises of a file stand.
pub fn page(number: usize) -> String {
    match CHAPTERS.iter().find(|chapter| chapter.number == number) {
        Some(chapter) => format!("chapters/{number}-{}.md", chapter.name),
        None => "chapters/learn.md".to_owned(),
    }
}

/// What the exercises of a file are called together.
pub fn called(number: usize) -> String {
    if number == BESIDE { format!("track {BESIDE_NAME}") } else { format!("chapter {number}") }
}

/// A file of exercises.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// Which one; from the name of the file.
    #[serde(skip)]
    pub number: usize,
    /// What the reader's code can do once all is written, and the commands that show it.
    pub finale: String,
    /// In the order of doing.
    #[serde(rename = "exercise")]
    pub exercises: Vec<Exercise>,
    /// Woven functions that are no exercise.
    #[serde(default)]
    pub given: Vec<Given>,
}

/// Something to write.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exercise {
    /// Section and number: `2.3.1`.
    pub id: String,
    /// A few words.
    pub title: String,
    /// The functions whose bodies are cut out.
    pub items: Vec<ItemPath>,
    /// What they must do, in one or two sentences.
    pub task: String,
    /// What must hold, cheapest first.
    pub judges: Vec<Judge>,
    /// A formula or a place to read, the steps in words, most of the code.
    pub hints: [String; 3],
    /// The expressions that the level `gentle` cuts out, each with its `todo!("a question")`; without any, it cuts whole bodies.
    #[serde(default)]
    pub gentle: Vec<Edit>,
    /// Whether it belongs to the shortest way through the book.
    #[serde(default)]
    pub spine: bool,
    /// Functions that neither training nor answering calls: `cargo xtask learn prove` shows that of all others.
    #[serde(default)]
    pub off_path: Vec<String>,
    /// Words that the body may not use: what the exercise is about, ready-made.
    #[serde(default)]
    pub may_not_call: Vec<String>,
    /// Ways to get it wrong that its judges must reject.
    #[serde(default)]
    pub wrong: Vec<Variant>,
    /// Other ways to get it right, which its judges must accept.
    #[serde(default)]
    pub right: Vec<Variant>,
}

/// Functions that stay as they are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    #[serde(default)]
    pub items: Vec<ItemPath>,
    /// Whole files, but for what is an exercise in them.
    #[serde(default)]
    pub files: Vec<String>,
    /// Why they are no exercise.
    #[expect(dead_code, reason = "read by people; its presence is checked")]
    pub why: String,
}

/// Another text in place of ours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// A few words.
    pub name: String,
    /// What is wrong, and where the chapter says so.
    #[serde(default)]
    pub why: String,
    /// What is changed.
    pub edits: Vec<Edit>,
}

/// One change of the reference: `replace` by `with`, or the whole body of `item`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The name of one of the exercise's functions; needed where `replace` does not tell.
    pub item: Option<String>,
    /// Stands once in the bodies of the exercise.
    pub replace: Option<String>,
    pub with: String,
}

/// A function: `crates/attention/src/mask.rs#causal_mask`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ItemPath {
    /// Seen from the root of the workspace.
    pub file: String,
    /// `name` or `Type::name`.
    pub name: String,
}

impl TryFrom<String> for ItemPath {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let (file, name) = text.split_once('#').context("an item is written file#name")?;
        Ok(Self { file: file.to_owned(), name: name.to_owned() })
    }
}

impl ItemPath {
    /// The crate that it belongs to.
    pub fn krate(&self) -> &str {
        self.file.split('/').nth(1).unwrap_or_default()
    }
}

impl std::fmt::Display for ItemPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.file, self.name)
    }
}

impl TryFrom<String> for Judge {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        Self::from_str(&text)
    }
}

impl Chapter {
    /// What the numbers of its exercises begin with.
    pub fn name(&self) -> String {
        if self.number == BESIDE { BESIDE_NAME.to_owned() } else { self.number.to_string() }
    }
}

impl Exercise {
    /// The section of the chapter that it belongs to.
    pub fn section(&self) -> &str {
        self.id.rsplit_once('.').map_or(&self.id, |(section, _)| section)
    }

    /// The place among the right solutions of what to write where our own text calls what the reader may not.
    pub fn by_hand(&self) -> Option<usize> {
        self.right.iter().position(|variant| variant.name == "by hand")
    }

    /// The names of its functions.
    pub fn names(&self) -> String {
        self.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// All exercises of the book.
#[derive(Debug)]
pub struct Book {
    pub chapters: Vec<Chapter>,
}

impl Book {
    /// Reads all files of exercises; what is beside the book comes last.
    pub fn read(project: &Path) -> Result<Self> {
        let mut chapters = Vec::new();
        for file in matching(project, "chapters/exercises/[1-5x]-*.toml")? {
            let text = fs::read_to_string(&file)?;
            let mut chapter: Chapter =
                toml::from_str(&text).with_context(|| format!("cannot read {}", file.display()))?;
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            chapter.number = if name.starts_with('x') { BESIDE } else { name[..1].parse()? };
            chapters.push(chapter);
        }
        ensure!(!chapters.is_empty(), "{} has no exercises", project.display());
        Ok(Self { chapters })
    }

    /// All exercises in the order of doing.
    pub fn exercises(&self) -> impl Iterator<Item = &Exercise> {
        self.chapters.iter().flat_map(|chapter| &chapter.exercises)
    }

    /// The exercise of this number.
    pub fn find(&self, id: &str) -> Result<&Exercise> {
        if let Some(exercise) = self.exercises().find(|exercise| exercise.id == id) {
            return Ok(exercise);
        }
        let all: Vec<_> = self.exercises().map(|exercise| exercise.id.as_str()).collect();
        bail!(wrong_use(format!("there is no exercise {id}; there are {}", all.join(", "))))
    }

    /// Adds functions to an exercise.
    pub fn widen(&mut self, id: &str, more: Vec<ItemPath>) {
        let mut all = self.chapters.iter_mut().flat_map(|chapter| &mut chapter.exercises);
        if let Some(exercise) = all.find(|exercise| exercise.id == id) {
            exercise.items.extend(more);
        }
    }

    /// The chapter of this number.
    pub fn chapter(&self, number: usize) -> Result<&Chapter> {
        let found = self.chapters.iter().find(|chapter| chapter.number == number);
        found.with_context(|| format!("chapter {number} has no exercises"))
    }

    /// The first exercise of a chapter, of a section, or the one of this number.
    pub fn first(&self, from: &str) -> Result<&Exercise> {
        let begins = |exercise: &&Exercise| {
            exercise.id == from || exercise.id.starts_with(&format!("{from}."))
        };
        let found = self.exercises().find(begins);
        found.ok_or_else(|| {
            wrong_use(format!("there is no exercise in {from}; name a chapter, a section or an exercise, such as 2, 2.3 or 2.3.1"))
        })
    }
}
