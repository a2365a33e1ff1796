//! What a task looks like to the model (chapter 5.2).

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The instructions written for this project, with the kind of each, as JSON.
const EMBEDDED: &str = include_str!("../../../data/instructions.json");

/// A task and its answer, in the format of Stanford's Alpaca.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// What is to be done.
    pub instruction: String,
    /// What it is to be done with; often empty.
    #[serde(default)]
    pub input: String,
    /// The expected answer.
    pub output: String,
    /// The kind of task, where the data knows it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
}

/// The instructions written for this project.
///
/// # Errors
/// Never in practice: the file is part of the program, and a test reads it.
pub fn embedded() -> Result<Vec<Entry>> {
    serde_json::from_str(EMBEDDED).context("the embedded instructions are faulty")
}

impl Entry {
    /// What the model reads before it answers, up to and with the line `### Response:`.
    ///
    /// # Differs
    /// The preamble is the same with and without an input; Stanford's mentions the input where there is one.
    ///
    /// # Source
    /// Taori et al. 2023, "Stanford Alpaca", `PROMPT_DICT` in `train.py` of that repository.
    pub fn prompt(&self) -> String {
        let mut prompt = format!(
            "Below is an instruction that describes a task. Write a response that appropriately completes the request.\
             \n\n### Instruction:\n{}",
            self.instruction
        );
        if !self.input.is_empty() {
            prompt += "\n\n### Input:\n";
            prompt += &self.input;
        }
        prompt + "\n\n### Response:\n"
    }
}

/// Entries for learning, for asking afterwards, and for measuring on the way.
#[derive(Debug, Clone, Default)]
pub struct Split {
    /// What the model learns from.
    pub training: Vec<Entry>,
    /// What it is asked afterwards.
    pub test: Vec<Entry>,
    /// What its loss is measured on while it learns.
    pub validation: Vec<Entry>,
}

/// Cuts the entries into 80, 10 and 10 percent in the order training, test, validation.
///
/// # Errors
/// If there are fewer than ten entries, so that a part would be empty.
pub fn split_in_order(entries: &[Entry]) -> Result<Split> {
    ensure!(
        entries.len() >= 10,
        "{} entries cannot be split into three parts; give at least 10",
        entries.len()
    );
    let (training, test) = (entries.len() * 8 / 10, entries.len() / 10);
    Ok(Split {
        training: entries[..training].to_vec(),
        test: entries[training..training + test].to_vec(),
        validation: entries[training + test..].to_vec(),
    })
}

/// How often each kind occurs, by name.
pub fn kinds(entries: &[Entry]) -> BTreeMap<&str, usize> {
    let mut kinds = BTreeMap::new();
    for entry in entries {
        *kinds.entry(entry.kind.as_str()).or_insert(0) += 1;
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_instructions_can_be_read() {
        let entries = embedded().expect("our own file");
        assert!(entries.len() >= 1000, "{} entries", entries.len());
        assert!(kinds(&entries).len() >= 8);
    }

    #[test]
    fn thousand_entries_are_cut_as_in_the_article() {
        let entry = Entry {
            instruction: "a".into(),
            input: String::new(),
            output: "b".into(),
            kind: String::new(),
        };
        let split = split_in_order(&vec![entry; 1000]).expect("enough entries");
        assert_eq!(
            [split.training.len(), split.test.len(), split.validation.len()],
            [800, 100, 100]
        );
    }
}
