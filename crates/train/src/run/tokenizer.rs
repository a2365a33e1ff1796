//! Text to ids: by which code, and how a vocabulary of one's own is learned (chapter 1.2).

use super::terminal::say;
use anyhow::{Result, ensure};
use embedding::{
    bpe::BytePairEncoder,
    fast::{self, FastEncoder},
    learn::learn_merges,
};
use model::{
    fast::path::{CodePath, choose},
    format::{
        tokenizer::{self, Tokenizer},
        tokenizer_files,
    },
};
use std::{borrow::Cow, path::Path};

/// Entries that every vocabulary has: the bytes and the end of a text.
const FEWEST: usize = 257;

/// A model's tokenizer, and the code that encodes by it.
pub struct TextEncoder {
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    fast: Option<FastEncoder>,
}

impl TextEncoder {
    /// Takes the fast encoder where it gives the lesson's ids, and says so where it does not.
    ///
    /// # Errors
    /// If the fast path is asked for and differs.
    pub fn new(tokenizer: Tokenizer, wanted: Option<CodePath>) -> Result<Self> {
        let fast = take(choose(wanted, || FastEncoder::proven(&tokenizer.encoder))?);
        Ok(Self { tokenizer, fast })
    }

    /// That of a run, by the files in its folder, for a model with `vocab_size` entries.
    ///
    /// # Errors
    /// As [`tokenizer::of`] and [`Self::new`].
    pub fn of_run(run: &Path, vocab_size: i64, wanted: Option<CodePath>) -> Result<Self> {
        Self::new(tokenizer::of(run, vocab_size)?, wanted)
    }

    /// The ids of any text.
    pub fn encode(&self, text: &str) -> Vec<i64> {
        match &self.fast {
            Some(fast) => fast.encode(text),
            None => self.lesson().encode(text),
        }
    }

    /// Writes a tokenizer of one's own into the folder of a model that sees `context` tokens; GPT-2's need not be there.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write(&self, folder: &Path, context: i64) -> Result<()> {
        if self.tokenizer.is_gpt2() {
            return Ok(());
        }
        tokenizer_files::write_own(folder, self.lesson(), context)
    }

    /// Says so where prompts have more tokens than the `context` that the model sees at once.
    pub fn warn_of_long_prompts(
        &self,
        prompts: impl IntoIterator<Item = impl AsRef<str>>,
        context: i64,
    ) {
        let lengths = prompts.into_iter().map(|prompt| self.encode(prompt.as_ref()).len());
        if let Some(warning) = too_long(&lengths.collect::<Vec<_>>(), context) {
            say(&warning);
        }
    }

    /// The encoder that chapter 1 shows, by which ids become text again.
    pub fn lesson(&self) -> &BytePairEncoder {
        &self.tokenizer.encoder
    }
}

/// Learns a vocabulary of so many entries from documents: the bytes, merges of frequent neighbors, and the end of a text.
///
/// # Errors
/// If it would have no room for the bytes, or the text gives fewer merges.
pub fn learn(
    documents: &[String],
    vocab_size: usize,
    wanted: Option<CodePath>,
) -> Result<Tokenizer> {
    ensure!(
        vocab_size >= FEWEST,
        "vocab-size is {vocab_size}; it must be at least {FEWEST}, for the bytes and the end of a text"
    );
    let (text, merges) = (documents.concat(), vocab_size - FEWEST);
    let learned = take(choose(wanted, || fast::learn::proven(&text, merges))?)
        .unwrap_or_else(|| learn_merges(&text, merges));
    ensure!(
        learned.len() == merges,
        "vocab-size is {vocab_size}, but the text gives only {} entries before no two pieces are adjacent; take at most as many",
        learned.len() + FEWEST
    );
    let encoder = BytePairEncoder::from_merges(&learned).with_end_of_text();
    Ok(Tokenizer { encoder: Cow::Owned(encoder), ..Tokenizer::default() })
}

/// What the fast path gives; nothing where the lesson is to be taken, whose reason is said.
fn take<T>(chosen: std::result::Result<T, Option<String>>) -> Option<T> {
    match chosen {
        Ok(fast) => Some(fast),
        Err(reason) => {
            if let Some(reason) = reason {
                say(&reason);
            }
            None
        }
    }
}

fn too_long(lengths: &[usize], context: i64) -> Option<String> {
    let long = lengths.iter().filter(|&&tokens| tokens as i64 > context);
    let who = match lengths.len() {
        1 => "the prompt has".to_owned(),
        all => format!("some prompts ({} of {all}) have up to", long.clone().count()),
    };
    let most = long.max()?;
    Some(format!("{who} {most} tokens, the model sees {context}: it reads only the last ones"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedding::support::texts::STORY;

    #[test]
    fn a_vocabulary_has_as_many_entries_as_it_is_asked_for_by_either_path() {
        let [fast, lesson] = [CodePath::Fast, CodePath::Lesson]
            .map(|path| learn(&[STORY.to_owned()], 300, Some(path)).expect("enough pairs"));
        assert_eq!((fast.encoder.vocab_size(), fast.encoder.end_of_text), (300, Some(299)));
        assert_eq!(fast.encoder.encode(STORY), lesson.encoder.encode(STORY));
        assert_eq!(lesson.encoder.decode(&fast.encoder.encode(STORY)).expect("known ids"), STORY);
        let fast = TextEncoder::new(fast, Some(CodePath::Fast)).expect("the lesson's ids");
        assert_eq!(fast.encode(STORY), lesson.encoder.encode(STORY));
    }

    #[test]
    fn too_small_a_vocabulary_and_too_short_a_text_are_refused_with_the_right_size() {
        let refusal = |text: &str, size| {
            learn(&[text.to_owned()], size, None).expect_err("a refusal").to_string()
        };
        assert!(refusal(STORY, 256).contains("must be at least 257"));
        assert!(
            refusal("ab ab", 300).contains("gives only 259 entries"),
            "{}",
            refusal("ab ab", 300)
        );
        assert_eq!(
            learn(&["ab ab".to_owned()], 259, None).expect("enough").encoder.vocab_size(),
            259
        );
        assert!(refusal("a", 300).contains("gives only 257 entries"));
    }

    #[test]
    fn prompts_longer_than_the_context_are_told_with_their_length() {
        let end = "tokens, the model sees 3: it reads only the last ones";
        assert_eq!(too_long(&[4], 3), Some(format!("the prompt has 4 {end}")));
        assert_eq!(
            too_long(&[2, 4, 5], 3),
            Some(format!("some prompts (2 of 3) have up to 5 {end}"))
        );
        assert_eq!(too_long(&[2, 3], 3), None);
    }
}
