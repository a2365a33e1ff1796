//! How good an answer is, by counting (chapter 5.5): what anybody can see without a second model.

use crate::instructions::Entry;
use similar::{Algorithm, capture_diff_slices};
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

/// What was learned, to be looked up in by a question.
pub struct Lookup<'a> {
    training: &'a [Entry],
    /// The different words of each question.
    words: Vec<BTreeSet<String>>,
}

impl<'a> Lookup<'a> {
    /// In these entries.
    pub fn new(training: &'a [Entry]) -> Self {
        let words = training.iter().map(|entry| question(entry).into_iter().collect()).collect();
        Self { training, words }
    }

    /// The training entry whose question shares most with this one: its answer is what a model that has learned by heart, and nothing
    /// else, would give. Likeness is the share of common words among all words of both questions.
    ///
    /// # Panics
    /// If there is no training entry.
    pub fn nearest(&self, entry: &Entry) -> &'a Entry {
        let asked: BTreeSet<String> = question(entry).into_iter().collect();
        let likeness = |other: &BTreeSet<String>| {
            let common = asked.intersection(other).count();
            common as f64 / (asked.len() + other.len() - common).max(1) as f64
        };
        let likenesses: Vec<f64> = self.words.iter().map(likeness).collect();
        let nearest =
            (0..likenesses.len()).max_by(|&a, &b| likenesses[a].total_cmp(&likenesses[b]));
        &self.training[nearest.expect("at least one training entry")]
    }
}

/// The answer of the `nearest` training entry, with the words in which its question differs from the one that is asked exchanged:
/// what a model would say that has learned templates and their slots by heart, and nothing else.
pub fn slots_filled(nearest: &Entry, asked: &Entry) -> String {
    let (theirs, ours) = (question(nearest), question(asked));
    let mut exchanged = BTreeMap::new();
    for change in capture_diff_slices(Algorithm::Myers, &theirs, &ours) {
        let (_, old, new) = change.as_tag_tuple();
        if old.len() == new.len() {
            exchanged.extend(theirs[old].iter().zip(&ours[new]));
        }
    }
    let mut answer = String::new();
    for piece in nearest.output.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
        let filled = exchanged.get(&word.to_lowercase()).map_or(word, |new| new.as_str());
        answer += &if word.starts_with(char::is_uppercase) {
            capitalized(filled)
        } else {
            filled.to_owned()
        };
        answer += &piece[word.len()..];
    }
    answer
}

fn question(entry: &Entry) -> Vec<String> {
    words(&format!("{} {}", entry.instruction, entry.input))
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Between which shares the true one lies, with a probability of 95 %, when `hits` of `count` were seen.
///
/// # Source
/// Wilson 1927, "Probable inference, the law of succession, and statistical inference".
pub fn interval(hits: usize, count: usize) -> (f64, f64) {
    const Z: f64 = 1.959_964; // 2.5 % of the normal distribution lie beyond it
    if count == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (count as f64, hits as f64 / count as f64);
    let center = share + Z * Z / (2.0 * n);
    let width = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let divisor = 1.0 + Z * Z / n;
    ((center - width) / divisor, (center + width) / divisor)
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
        for (answer, expected, f1) in
            [("", "", 1.0), ("", "a", 0.0), ("a a", "a b", 0.5), ("a b c d", "a", 0.4)]
        {
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
        let lookup = Lookup::new(&training);
        assert_eq!(lookup.nearest(&entry("Name a green fruit.", "pear")).output, "apple");
    }

    #[test]
    fn the_words_in_which_two_questions_differ_are_exchanged_in_the_answer() {
        let entry = |instruction: &str, output: &str| Entry {
            instruction: instruction.into(),
            input: String::new(),
            output: output.into(),
            kind: String::new(),
        };
        let known = entry("Negate this: Maria feeds the cat.", "Maria does not feed the cat.");
        let asked = entry("Negate this: Peter sees the dog.", "");
        assert_eq!(slots_filled(&known, &asked), "Peter does not feed the dog.");
    }

    #[test]
    fn eight_of_ten_may_be_from_49_to_94_percent() {
        let (low, high) = interval(8, 10); // 0.4902 and 0.9433 by R's prop.test(8, 10, correct = FALSE)
        assert!((low - 0.4902).abs() < 1e-4 && (high - 0.9433).abs() < 1e-4, "{low} {high}");
        assert_eq!(interval(0, 0), (0.0, 1.0));
    }
}
