//! The plainest tokenizer: words and punctuation marks, numbered in alphabetical order.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use anyhow::{Context, Result};
use regex::Regex;

/// The entry that stands for every word a vocabulary lacks.
pub const UNKNOWN: &str = "<unk>";

/// Cuts a text at punctuation marks, double hyphens and blanks, and keeps all but the blanks.
///
/// The marks are `, . : ; ? _ ! " ( ) '`.
pub fn split_words(text: &str) -> Vec<&str> {
    static SEPARATOR: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"[,.:;?_!"()']|--|\s"#).expect("the pattern is a constant and compiles"));

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
        let id = |word| {
            self.ids.get(word).copied().or(self.unknown).with_context(|| {
                format!(
                    "the word \"{word}\" is not among the {} of this vocabulary; \
                     take a vocabulary with an entry for unknown words",
                    self.words.len()
                )
            })
        };
        split_words(text).into_iter().map(id).collect()
    }

    /// Joins the words of `ids` with blanks, none of them before `, . : ; ? ! )` and none after `(`.
    ///
    /// # Errors
    /// If an id is outside the vocabulary; the message names it.
    pub fn decode(&self, ids: &[i64]) -> Result<String> {
        let mut text = String::new();
        for &id in ids {
            let word = usize::try_from(id).ok().and_then(|id| self.words.get(id)).with_context(|| {
                format!("id {id} is outside this vocabulary, whose ids are 0 to {}", self.words.len() as i64 - 1)
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
