//! What `finetune` learns from and is asked unless other data is named (chapter 5.5).

use crate::{
    data,
    instructions::{self, Entry, Split},
};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::{collections::HashSet, iter::repeat_n};

/// The test, each entry with its part.
const TESTS: &str = include_str!("../../../../data/instruction_tests.json");
/// Entries beside those that the chapters quote.
const MORE: &str = include_str!("../../../../data/more_instructions.json");
/// Many more from templates, which `data/templates/instructions.py` fills with words.
const TEMPLATES: &str = include_str!("../../../../data/template_instructions.json");
/// What people type first, and what is said to it.
const CONVERSATIONS: &str = include_str!("../../../../data/conversations.json");

/// A part of the test, which asks one thing about what was learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it asks, such as `unseen words`.
    pub name: String,
    /// Its entries.
    pub entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Tested {
    part: String,
    #[serde(flatten)]
    entry: Entry,
}

/// What is learned and what is measured on meanwhile: the instructions of the chapters, further ones, and conversations.
///
/// # Errors
/// Never in practice: the files are part of the program, and tests read them.
pub fn entries() -> Result<Vec<Entry>> {
    let mut entries = instructions::embedded()?;
    // What people type first counts more than once, so that the many tasks do not drown it.
    for (further, times) in [(MORE, 1), (TEMPLATES, 1), (CONVERSATIONS, 3)] {
        let further: Vec<Entry> =
            serde_json::from_str(further).context("the embedded entries are faulty")?;
        entries.extend(repeat_n(further, times).flatten());
    }
    Ok(entries)
}

/// These of `total` entries for training and validation, and as large a share of the test in its parts.
///
/// Of the instructions of the chapters a tenth, by their answers, is for validation; all others are learned, since each teaches an
/// answer or a wording that no other does.
///
/// # Errors
/// As [`entries`], or if `entries` are too few.
pub fn split(entries: &[Entry], total: usize) -> Result<(Split, Vec<Part>)> {
    let parts = share_of(parts()?, entries.len(), total);
    let of_chapters: HashSet<Entry> = instructions::embedded()?.into_iter().collect();
    let (known, further): (Vec<Entry>, Vec<Entry>) =
        entries.iter().cloned().partition(|entry| of_chapters.contains(entry));
    let Split { mut training, test, validation } = data::split(&known)?;
    training.extend(test.into_iter().chain(further));
    let test = parts.iter().flat_map(|part| part.entries.clone()).collect();
    Ok((Split { training, test, validation }, parts))
}

/// The test in its parts, in the order of the file.
///
/// # Errors
/// As [`entries`].
pub fn parts() -> Result<Vec<Part>> {
    let tested: Vec<Tested> =
        serde_json::from_str(TESTS).context("the embedded tests are faulty")?;
    let mut parts: Vec<Part> = Vec::new();
    for Tested { part, entry } in tested {
        match parts.iter_mut().find(|known| known.name == part) {
            Some(known) => known.entries.push(entry),
            None => parts.push(Part { name: part, entries: vec![entry] }),
        }
    }
    Ok(parts)
}

/// Of each part as large a share as `taken` is of `total`, spread evenly, and at least one entry.
fn share_of(parts: Vec<Part>, taken: usize, total: usize) -> Vec<Part> {
    let thinned = |part: Part| {
        let every = (total / taken.max(1)).max(1);
        Part { entries: part.entries.into_iter().step_by(every).collect(), ..part }
    };
    parts.into_iter().map(thinned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use train::examples::hex;

    fn words(entry: &Entry) -> impl Iterator<Item = String> {
        let all = format!("{} {} {}", entry.instruction, entry.input, entry.output);
        let words: Vec<String> = all
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        words.into_iter()
    }

    fn part(name: &str) -> Vec<Entry> {
        let found = parts().expect("our own file").into_iter().find(|part| part.name == name);
        found.expect("a part of that name").entries
    }

    /// It was there before the first entry that was written for it to be passed.
    #[test]
    fn the_test_is_never_edited() {
        let hash = hex(&Sha256::digest(TESTS.as_bytes()));
        assert_eq!(hash, "ef6f2e5b167f532bbe5cb4675ac76f8e53d2564dc2940d2eb39c79994adaaa71");
    }

    #[test]
    fn no_question_of_the_test_is_learned() {
        let learned = entries().expect("our own files");
        let question = |entry: &Entry| (entry.instruction.clone(), entry.input.clone());
        let learned: HashSet<_> = learned.iter().map(question).collect();
        for part in parts().expect("our own file") {
            for entry in &part.entries {
                assert!(!learned.contains(&question(entry)), "{}: {entry:?}", part.name);
            }
        }
    }

    /// Sums and differences are few, and only their wordings are new.
    #[test]
    fn no_answer_of_the_test_was_written_from_a_template() {
        let written: Vec<Entry> = serde_json::from_str(TEMPLATES).expect("our own file");
        let written: HashSet<&str> = written.iter().map(|entry| entry.output.as_str()).collect();
        for entry in parts().expect("our own file").iter().flat_map(|part| &part.entries) {
            let known = written.contains(entry.output.as_str());
            assert!(entry.kind == "arithmetic" || !known, "{entry:?}");
        }
    }

    #[test]
    fn the_parts_are_what_their_names_say() {
        let learned = entries().expect("our own files");
        let kinds: HashSet<&str> = learned.iter().map(|entry| entry.kind.as_str()).collect();
        let known: HashSet<String> = learned.iter().flat_map(words).collect();
        assert!(part("unseen kind").iter().all(|entry| !kinds.contains(entry.kind.as_str())));
        for entry in part("unseen words") {
            assert!(words(&entry).any(|word| !known.contains(&word)), "{entry:?}");
        }
        let wordings: HashSet<&str> =
            learned.iter().map(|entry| entry.instruction.as_str()).collect();
        for entry in part("unseen phrasings") {
            assert!(!wordings.contains(entry.instruction.as_str()), "{entry:?}");
        }
    }

    #[test]
    fn a_sample_leaves_its_share_of_each_part() {
        let all = parts().expect("our own file");
        let few = share_of(all.clone(), 100, 1000);
        for (all, few) in all.iter().zip(&few) {
            assert_eq!(few.entries.len(), all.entries.len().div_ceil(10));
        }
    }
}
