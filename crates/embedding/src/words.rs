//! The plainest tokenizer (chapter 1.1): words and punctuation marks, numbered in alphabetical order.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use anyhow::{Context, Result};
use regex::Regex;

/// The entry that stands for every word a vocabulary lacks.
pub const UNKNOWN: &str = "<unk>";

/// Cuts a text at punctuation marks, double hyphens and whitespace, and keeps all but the whitespace.
///
/// The marks are `, . : ; ? _ ! " ( ) '`.
pub fn split_words(text: &str) -> Vec<&str> {
    static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"[,.:;?_!"()']|--|\s"#).expect("the pattern is a constant and compiles")
    });

    let mut tokens = Vec::new();
    let mut start = 0;
    for separator in SEPARATOR.find_iter(text) {
        tokens.push(&text[start..separator.start()]);
        tokens.push(separator.as_str());
        start = separator.end();
    }
    tokens.push(&text[start..]);
    tokens.retain(|token| !token.trim().is_empty());
    tokens
}

/// The words of one text, numbered from 0 in the order of their code points.
pub struct Vocabulary {
    words: Vec<String>,
    ids: HashMap<String, i64>,
    unknown: Option<i64>,
}

impl Vocabulary {
    /// Numbers the words of `text`; any other word will be an error.
    pub fn new(text: &str) -> Self {
        let sorted: BTreeSet<&str> = split_words(text).into_iter().collect();
        Self::from_words(sorted.into_iter().map(String::from).collect(), None)
    }

    /// Numbers the words of `text` and adds a last entry, [`UNKNOWN`], that stands for all others.
    pub fn with_unknown(text: &str) -> Self {
        let mut words = Self::new(text).words;
        let unknown = words.len() as i64;
        words.push(UNKNOWN.to_string());
        Self::from_words(words, Some(unknown))
    }

    fn from_words(words: Vec<String>, unknown: Option<i64>) -> Self {
        let ids = words.iter().cloned().zip(0..).collect();
        Self { words, ids, unknown }
    }

    /// The words; a word's place in the list is its id.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Replaces each word of `text` by its id.
    ///
    /// # Errors
    /// If a word is not in the vocabulary and there is no [`UNKNOWN`] to stand for it. The message names the first one.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>> {
        let mut ids = Vec::new();
        for word in split_words(text) {
            let id = self.ids.get(word).copied().or(self.unknown).with_context(|| {
                format!(
                    "the word \"{word}\" is not among the {} of this vocabulary; \
                     take a vocabulary with an entry for unknown words",
                    self.words.len()
                )
            })?;
            ids.push(id);
        }
        Ok(ids)
    }

    /// Joins the words of `ids` with spaces, none of them before `, . : ; ? ! )` and none after `(`.
    ///
    /// # Errors
    /// If an id is outside the vocabulary; the message names it.
    pub fn decode(&self, ids: &[i64]) -> Result<String> {
        let mut text = String::new();
        for &id in ids {
            let word = usize::try_from(id).ok().and_then(|place| self.words.get(place));
            let word = word.with_context(|| {
                let last = self.words.len() as i64 - 1;
                format!("id {id} is outside this vocabulary, whose ids are 0 to {last}")
            })?;
            let sticks = matches!(word.as_str(), "," | "." | ":" | ";" | "?" | "!" | ")");
            if !(text.is_empty() || text.ends_with('(') || sticks) {
                text.push(' ');
            }
            text.push_str(word);
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\"Wet?\" -- said Mrs. Plum; wet--wet (very).";

    #[test]
    fn marks_and_double_hyphens_are_words_and_whitespace_is_not() {
        let tokens = split_words(TEXT);
        let expected = [
            "\"", "Wet", "?", "\"", "--", "said", "Mrs", ".", "Plum", ";", "wet", "--", "wet", "(",
            "very", ")", ".",
        ];
        assert_eq!(tokens, expected);
        assert_eq!(split_words(" \n\t"), [""; 0]);
        assert_eq!(split_words("a-b_c"), ["a-b", "_", "c"]);
    }

    #[test]
    fn words_are_numbered_in_the_order_of_their_code_points() {
        let vocabulary = Vocabulary::new("b a B ! a");
        assert_eq!(vocabulary.words(), ["!", "B", "a", "b"]);
        assert_eq!(vocabulary.encode("b!").expect("known words"), [3, 0]);
    }

    #[test]
    fn the_first_unknown_word_is_named_or_replaced() {
        let error = Vocabulary::new(TEXT)
            .encode("said the heron")
            .expect_err("two unknown words")
            .to_string();
        assert!(error.contains("\"the\"") && !error.contains("heron"), "{error}");

        let vocabulary = Vocabulary::with_unknown(TEXT);
        assert_eq!(vocabulary.words().last().map(String::as_str), Some(UNKNOWN));
        let ids = vocabulary.encode("said the heron").expect("unknown words have an id");
        assert_eq!(vocabulary.decode(&ids).expect("its own ids"), "said <unk> <unk>");
    }

    #[test]
    fn decoding_puts_no_space_before_a_mark() {
        let vocabulary = Vocabulary::new(TEXT);
        let ids = vocabulary.encode("Plum (very wet). Wet?").expect("known words");
        assert_eq!(vocabulary.decode(&ids).expect("its own ids"), "Plum (very wet). Wet?");
    }

    #[test]
    fn an_id_outside_the_vocabulary_is_named() {
        for id in [-1, 4] {
            let error = Vocabulary::new("a b c d")
                .decode(&[0, id])
                .expect_err("ids are 0 to 3")
                .to_string();
            assert!(error.contains(&format!("id {id} ")) && error.contains("0 to 3"), "{error}");
        }
    }
}
