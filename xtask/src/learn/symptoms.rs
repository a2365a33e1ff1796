//! How known mistakes show: a wrong solution prints the same wrong numbers on every machine, as all seeds are fixed.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::exercises::{Exercise, Variant};
use super::judging::Failure;
use super::text;

/// Where they are kept, seen from the project; written by `cargo xtask learn prove`.
pub const PATH: &str = "chapters/exercises/symptoms.json";

/// For each exercise and wrong solution, the judge that rejects it and what it says.
#[derive(Debug, Default, PartialEq)]
pub struct Symptoms(pub BTreeMap<String, BTreeMap<String, [String; 2]>>);

impl Symptoms {
    /// Reads them; none where there are none yet.
    pub fn read(project: &Path) -> Result<Self> {
        text::read_json(&project.join(PATH)).map(Self)
    }

    /// Writes them.
    pub fn write(&self, project: &Path) -> Result<()> {
        text::write_json(&project.join(PATH), &self.0)
    }

    /// Notes how a wrong solution showed.
    pub fn note(&mut self, exercise: &Exercise, variant: &Variant, failure: &Failure) {
        let of = self.0.entry(exercise.id.clone()).or_default();
        of.insert(variant.name.clone(), [failure.judge.clone(), symptom(failure)]);
    }

    /// The judge that rejects a wrong solution, and what it says.
    pub fn of(&self, exercise: &Exercise, variant: &Variant) -> Option<[String; 2]> {
        self.0.get(&exercise.id)?.get(&variant.name).cloned()
    }

    /// The wrong solution that shows just so, where it is the only one.
    pub fn known<'a>(&self, exercise: &'a Exercise, failure: &Failure) -> Option<&'a Variant> {
        let known = self.0.get(&exercise.id)?;
        let shows = [failure.judge.clone(), symptom(failure)];
        let mut alike =
            exercise.wrong.iter().filter(|variant| known.get(&variant.name) == Some(&shows));
        let first = alike.next();
        if alike.next().is_some() { None } else { first }
    }
}

/// What a failure says, without the lines of the reader's files.
fn symptom(failure: &Failure) -> String {
    let lines = failure.message.lines().filter(|line| !line.starts_with("at crates/"));
    lines.collect::<Vec<_>>().join("\n")
}
