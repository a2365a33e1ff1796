//! Which instructions are learned, and which are kept for asking afterwards (chapter 5.2).

use crate::instructions::{Entry, Split, split_in_order};
use anyhow::{Result, ensure};
use embedding::support::{generators::python, sample::python_sample};
use sha2::{Digest, Sha256};

/// Chooses `count` of the entries as Python's `random.seed(seed); random.sample(entries, count)` does.
///
/// # Errors
/// If there are not so many.
pub fn sample(entries: &[Entry], count: usize, seed: u32) -> Result<Vec<Entry>> {
    ensure!(
        count <= entries.len(),
        "--sample asks for {count} of {} entries; ask for fewer",
        entries.len()
    );
    Ok(python_sample(&mut python(u64::from(seed)), entries.len(), count)?
        .into_iter()
        .map(|number| entries[number].clone())
        .collect())
}

/// Splits entries: where each has a kind, by content; otherwise in order.
///
/// # Errors
/// If there are too few.
pub fn split(entries: &[Entry]) -> Result<Split> {
    if entries.iter().all(|entry| !entry.kind.is_empty()) {
        split_by_content(entries)
    } else {
        split_in_order(entries)
    }
}

/// Splits entries by their answers: equal answers fall into the same part, so that no answer of the test can be learned by heart.
///
/// The part is decided by the first byte of the answer's SHA-256: of 256 values, about a tenth each for test and validation.
///
/// # Errors
/// If a part would be empty.
pub fn split_by_content(entries: &[Entry]) -> Result<Split> {
    let mut split = Split::default();
    for entry in entries {
        let part = match Sha256::digest(entry.output.trim().as_bytes())[0] {
            0..26 => &mut split.test,
            26..52 => &mut split.validation,
            _ => &mut split.training,
        };
        part.push(entry.clone());
    }
    let parts = [&split.training, &split.test, &split.validation];
    ensure!(
        parts.iter().all(|part| !part.is_empty()),
        "{} entries cannot be split into three parts by their answers; give more",
        entries.len()
    );
    Ok(split)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instructions::{embedded, kinds};
    use std::collections::HashSet;

    #[test]
    fn no_answer_of_the_test_stands_in_the_training_part() {
        let entries = embedded().expect("our own file");
        let split = split(&entries).expect("three parts");
        assert_eq!(split.training.len() + split.test.len() + split.validation.len(), entries.len());
        let learned: HashSet<&str> =
            split.training.iter().map(|entry| entry.output.trim()).collect();
        assert!(split.test.iter().all(|entry| !learned.contains(entry.output.trim())));
    }

    #[test]
    fn no_kind_makes_up_more_than_a_fifth_of_the_test() {
        let split = split(&embedded().expect("our own file")).expect("three parts");
        let kinds = kinds(&split.test);
        assert!(kinds.len() >= 8, "{kinds:?}");
        assert!(kinds.values().all(|&count| count * 5 <= split.test.len()), "{kinds:?}");
    }

    #[test]
    fn a_part_follows_from_the_answer_alone() {
        let entry = |instruction: &str, output: &str| Entry {
            instruction: instruction.to_owned(),
            output: output.to_owned(),
            ..Entry::default()
        };
        let entries: Vec<Entry> = (0..100).map(|n| entry("Count.", &n.to_string())).collect();
        let whole = split_by_content(&entries).expect("three parts");
        let others: Vec<Entry> = entries
            .iter()
            .rev()
            .map(|known| entry("Say.", &format!("{} ", known.output)))
            .collect();
        let other = split_by_content(&others).expect("three parts");
        let answers = |entries: &[Entry]| -> HashSet<String> {
            entries.iter().map(|entry| entry.output.trim().to_owned()).collect()
        };
        assert_eq!(answers(&whole.training), answers(&other.training));
        assert_eq!(answers(&whole.test), answers(&other.test));
        assert_eq!(answers(&whole.validation), answers(&other.validation));
        let first_byte = |entry: &Entry| Sha256::digest(entry.output.as_bytes())[0];
        assert!(whole.test.iter().all(|entry| first_byte(entry) < 26));
        assert!(whole.validation.iter().all(|entry| (26..52).contains(&first_byte(entry))));
    }
}
