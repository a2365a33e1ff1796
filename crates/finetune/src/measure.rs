//! How good an answer is, by counting (chapter 5.5): what anybody can see without a second model.

use crate::instructions::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Whether two answers are the same but for whitespace at their ends and the length of whitespace inside.
pub fn exact_match(answer: &str, expected: &str) -> bool {
    answer.split_whitespace().eq(expected.split_whitespace())
}

/// The harmonic mean of the share of the answer's words that were expected and the share of the expected words that it has, from 0
/// to 1, regardless of case and punctuation.
///
/// # Source
/// Rajpurkar et al. 2016 (<https://arxiv.org/abs/1606.05250>), section 6.1.
pub fn token_f1(answer: &str, expected: &str) -> f64 {
    let (answer, expected) = (words(answer), words(expected));
    if answer.is_empty() || expected.is_empty() {
        return f64::from(u8::from(answer == expected));
    }
    let mut unmatched: BTreeMap<&String, usize> = BTreeMap::new();
    for word in &expected {
        *unmatched.entry(word).or_insert(0) += 1;
    }
    let mut common = 0;
    for word in &answer {
        if let Some(left @ 1..) = unmatched.get_mut(word) {
            *left -= 1;
            common += 1;
        }
    }
    2.0 * f64::from(common) / (answer.len() + expected.len()) as f64
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The answer of the training entry whose question shares most with this one: what a model that has learned by heart, and nothing else,
/// would say. Likeness is the share of common words among all words of both questions.
///
/// # Panics
/// If there is no training entry.
pub fn nearest_answer<'a>(training: &'a [Entry], entry: &Entry) -> &'a str {
    let question = |entry: &Entry| -> BTreeSet<String> {
        words(&format!("{} {}", entry.instruction, entry.input)).into_iter().collect()
    };
    let asked = question(entry);
    let likeness = |other: &Entry| {
        let other = question(other);
        asked.intersection(&other).count() as f64 / asked.union(&other).count().max(1) as f64
    };
    let nearest = training.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    &nearest.expect("at least one training entry").output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace_does_not_count_and_everything_else_does() {
        assert!(exact_match(" The  cat. \n", "The cat."));
        assert!(!exact_match("the cat.", "The cat."));
    }

    #[test]
    fn two_of_three_words_in_common_give_two_thirds() {
        assert!((token_f1("the big cat", "The cat sleeps.") - 2.0 / 3.0).abs() < 1e-12);
        for (answer, expected, f1) in [("", "", 1.0), ("", "a", 0.0), ("a a", "a b", 0.5)] {
            assert!((token_f1(answer, expected) - f1).abs() < 1e-12, "{answer:?} for {expected:?}");
        }
    }

    #[test]
    fn the_nearest_question_gives_its_answer() {
        let entry = |instruction: &str, output: &str| Entry {
            instruction: instruction.into(),
            input: String::new(),
            output: output.into(),
            kind: String::new(),
        };
        let training =
            [entry("Name a red fruit.", "apple"), entry("Turn 3 km into metres.", "3000 m")];
        assert_eq!(nearest_answer(&training, &entry("Name a green fruit.", "pear")), "apple");
    }
}
