//! Speed for chapter 1: an encoder that gives the ids of [`BytePairEncoder::encode`] sooner, and for words of any length.
//!
//! It reads 1 MB of English about twice as fast as tiktoken-rs, which `cargo xtask bench tokenize` measures, and six to nine times
//! as fast as the lesson (tiny Shakespeare, wikitext-2 and TinyStories; the fastest of 80 runs each over 200 kB, one thread of an
//! Intel Xeon). A word of a million letters takes it a second, and would take the lesson days.

mod join;
pub mod learn;

use std::sync::LazyLock;

use anyhow::{Result, ensure};

use crate::bpe::BytePairEncoder;
use crate::split::first_piece;
use join::{Joiner, NEVER, Ranks};

/// Encodes as a [`BytePairEncoder`] does.
pub struct FastEncoder {
    ranks: Ranks,
}

impl FastEncoder {
    /// Takes over the pieces of an encoder.
    pub fn new(lesson: &BytePairEncoder) -> Self {
        let pieces = (0..lesson.vocab_size() as i64).filter_map(|id| lesson.piece(id).ok());
        let known = pieces.filter_map(|piece| Some((piece.to_vec(), lesson.id(piece)? as u32)));
        Self { ranks: Ranks::new(known) }
    }

    /// The twin of [`BytePairEncoder::gpt2`], built at the first call.
    pub fn gpt2() -> &'static Self {
        static GPT2: LazyLock<FastEncoder> =
            LazyLock::new(|| FastEncoder::new(BytePairEncoder::gpt2()));
        &GPT2
    }

    /// The twin of an encoder, once it has given the lesson's ids for a text of odd characters.
    ///
    /// # Errors
    /// As [`agrees_with_lesson`].
    pub fn proven(lesson: &BytePairEncoder) -> Result<Self> {
        let fast = Self::new(lesson);
        agrees_with_lesson(&fast, lesson)?;
        Ok(fast)
    }

    /// The ids of any text, as [`BytePairEncoder::encode`] gives them.
    pub fn encode(&self, text: &str) -> Vec<i64> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        let mut joiner = Joiner::new(&self.ranks);
        let mut rest = text;
        while let Some(piece) = first_piece(rest) {
            rest = &rest[piece.len()..];
            match self.ranks.get(piece.as_bytes()) {
                NEVER => ids.extend(joiner.join(piece.as_bytes()).map(i64::from)),
                id => ids.push(i64::from(id)), // most words are one piece, and joining would end there
            }
        }
        ids
    }
}

/// A text that encoders stumble over: runs of whitespace, wide spaces, English endings, digits of several scripts, combining marks,
/// characters of four bytes, the end token's characters, and words that are no piece.
const ODD_TEXT: &str = "Once upon a  time\u{a0}\u{3000}\n\n\tI'll don't 'Twas we''re x\u{b2}\u{2167}\u{663}42 nai\u{308}ve \
    \u{301}e\u{345} \u{4e00}\u{d55c}\u{ad6d}\u{e44}\u{e17}\u{e22} \u{1f468}\u{200d}\u{1f469}\u{10ffff}\u{0}\u{fffd} \u{feff}\u{85}\u{1c}\u{180e} \
    <|endoftext|> -- \u{2026}__ unbelievability aaaaaaaaaaaaaaaab ABABABAB  \r\n ";

/// Encodes a short text of odd characters by both encoders.
///
/// # Errors
/// If they differ; the message names the first id that does.
pub fn agrees_with_lesson(fast: &FastEncoder, lesson: &BytePairEncoder) -> Result<()> {
    let (ours, expected) = (fast.encode(ODD_TEXT), lesson.encode(ODD_TEXT));
    for place in 0..ours.len().max(expected.len()) {
        let (ours, expected) = (ours.get(place), expected.get(place));
        ensure!(
            ours == expected,
            "the fast encoder gives id {} at place {place} of a text of odd characters, the lesson {}",
            ours.map_or("none".to_owned(), ToString::to_string),
            expected.map_or("none".to_owned(), ToString::to_string)
        );
    }
    Ok(())
}
