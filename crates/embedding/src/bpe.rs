//! Byte-pair encoding (chapter 1.2): any text as a list of ids, frequent strings as one id, rare ones as several.
//!
//! An encoder is a list of pieces, each a string of bytes. The single bytes come first, so that nothing is ever unknown; each
//! later piece joins two earlier ones and was added because they often stood side by side. A piece's place in the list is
//! its id and its rank: encoding joins the pair of lowest rank first, which replays the training.

use std::sync::LazyLock;

use anyhow::{Context, Result};

use crate::fast::join::{Joiner, NEVER, Ranks};
use crate::learn::{learn_merges, single_bytes};
use crate::split::split_pieces;

/// GPT-2's id for the end of a text. It separates documents and is never the encoding of any characters.
pub const END_OF_TEXT: i64 = 50256;

/// Turns text into ids and ids into text, without loss.
pub struct BytePairEncoder {
    /// The bytes of each id.
    pieces: Vec<Vec<u8>>,
    /// The id of each string of bytes; none for the end of a text, which no characters may produce.
    ranks: Ranks,
}

impl BytePairEncoder {
    /// Learns at most `merges` merges from `text`: ids 0 to 255 are the bytes, then come the merges in their order.
    pub fn train(text: &str, merges: usize) -> Self {
        let mut pieces = single_bytes();
        pieces.extend(
            learn_merges(text, merges).into_iter().map(|merge| [merge.left, merge.right].concat()),
        );
        Self { ranks: Ranks::new(&pieces), pieces }
    }

    /// GPT-2's own encoder, whose pieces tiktoken-rs carries; built at the first call.
    pub fn gpt2() -> &'static Self {
        static GPT2: LazyLock<BytePairEncoder> = LazyLock::new(|| {
            let official = tiktoken_rs::r50k_base_singleton();
            let mut pieces: Vec<_> = (0..=END_OF_TEXT as u32)
                .map(|id| {
                    official.decode_bytes(&[id]).expect("every id of the vocabulary has bytes")
                })
                .collect();
            let end_of_text = pieces.pop().expect("the vocabulary is not empty");
            let ranks = Ranks::new(&pieces);
            pieces.push(end_of_text);
            BytePairEncoder { pieces, ranks }
        });
        &GPT2
    }

    /// Encodes any text. The characters `<|endoftext|>` are encoded like any others, never as [`END_OF_TEXT`].
    pub fn encode(&self, text: &str) -> Vec<i64> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        let mut joiner = Joiner::new(&self.ranks);
        for word in split_pieces(text).map(str::as_bytes) {
            match self.ranks.get(word) {
                NEVER => ids.extend(joiner.join(word, NEVER).map(i64::from)),
                id => ids.push(i64::from(id)), // most words are one piece, and joining would end there
            }
        }
        ids
    }

    /// The text of `ids`; bytes that are no valid UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// If an id is outside the vocabulary; the message names it.
    pub fn decode(&self, ids: &[i64]) -> Result<String> {
        let pieces = ids.iter().map(|&id| self.piece(id)).collect::<Result<Vec<_>>>()?;
        Ok(String::from_utf8_lossy(&pieces.concat()).into_owned())
    }

    /// The bytes that `id` stands for; not always whole characters.
    ///
    /// # Errors
    /// If `id` is outside the vocabulary; the message names it.
    pub fn piece(&self, id: i64) -> Result<&[u8]> {
        let piece = usize::try_from(id).ok().and_then(|id| self.pieces.get(id));
        piece.map(Vec::as_slice).with_context(|| {
            format!(
                "id {id} is outside the vocabulary, whose ids are 0 to {}",
                self.pieces.len() - 1
            )
        })
    }

    /// The number of ids: 50,257 for GPT-2.
    pub fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    /// The two pieces that each later piece was joined from, in the order of ids.
    pub fn merges(&self) -> Vec<(&[u8], &[u8])> {
        let mut joiner = Joiner::new(&self.ranks);
        let joined =
            self.pieces.iter().filter(|piece| piece.len() > 1 && self.ranks.get(piece) != NEVER);
        joined
            .map(|piece| {
                // Every join but the last one, which would make the piece itself.
                let left = joiner.join(piece, self.ranks.get(piece)).next();
                piece.split_at(left.map_or(0, |left| self.pieces[left as usize].len()))
            })
            .collect()
    }
}

/// Decodes ids one by one and gives out whole characters only: one id may end in the middle of a character.
pub struct StreamDecoder<'a> {
    encoder: &'a BytePairEncoder,
    unfinished: Vec<u8>,
}

impl<'a> StreamDecoder<'a> {
    /// Starts a text.
    pub fn new(encoder: &'a BytePairEncoder) -> Self {
        Self { encoder, unfinished: Vec::new() }
    }

    /// Takes the next id and returns the characters it completes; none if it only begins one.
    ///
    /// # Errors
    /// If `id` is outside the vocabulary; the message names it.
    pub fn push(&mut self, id: i64) -> Result<String> {
        self.unfinished.extend_from_slice(self.encoder.piece(id)?);
        // A character whose bytes may still follow waits; everything before it is as good as it will get.
        let begun = (1..=3.min(self.unfinished.len())).rev().find(|&last| {
            let tail = &self.unfinished[self.unfinished.len() - last..];
            str::from_utf8(tail)
                .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
        });
        let waiting = self.unfinished.split_off(self.unfinished.len() - begun.unwrap_or(0));
        let complete = std::mem::replace(&mut self.unfinished, waiting);
        Ok(String::from_utf8_lossy(&complete).into_owned())
    }

    /// Ends the text: a character left unfinished becomes U+FFFD.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.unfinished).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_on_three_words_gives_the_pieces_worked_out_by_hand() {
        // Merges: a+b (5 times), then " "+ab (4), then " ab"+c (2).
        let encoder = BytePairEncoder::train("abc abc abc ab ab", 3);
        assert_eq!(encoder.vocab_size(), 259);
        assert_eq!(encoder.piece(258).expect("the last id"), b" abc");
        assert_eq!(encoder.encode(" abc abd"), [258, 257, i64::from(b'd')]);
        assert_eq!(encoder.merges(), [(&b"a"[..], &b"b"[..]), (b" ", b"ab"), (b" ab", b"c")]);
    }

    #[test]
    fn gpt2_has_its_published_ids() {
        let encoder = BytePairEncoder::gpt2();
        assert_eq!(encoder.vocab_size(), 50257);
        assert_eq!(encoder.encode("Hello world"), [15496, 995]);
        assert_eq!(encoder.piece(0).expect("an id"), b"!");
        assert_eq!(encoder.decode(&[END_OF_TEXT]).expect("an id"), "<|endoftext|>");
        assert_eq!(encoder.decode(&[15496, 995]).expect("two ids"), "Hello world");
    }

    #[test]
    fn the_characters_of_the_end_token_are_ordinary_text() {
        let ids = BytePairEncoder::gpt2().encode("a<|endoftext|>b");
        assert!(!ids.contains(&END_OF_TEXT), "{ids:?}");
        assert_eq!(BytePairEncoder::gpt2().decode(&ids).expect("its own ids"), "a<|endoftext|>b");
    }

    #[test]
    fn an_id_outside_the_vocabulary_is_named() {
        for id in [50257, -1, i64::MAX, i64::MIN] {
            let error = BytePairEncoder::gpt2()
                .decode(&[0, id])
                .expect_err("there is no such id")
                .to_string();
            assert!(error.contains(&id.to_string()) && error.contains("50256"), "{error}");
        }
    }

    #[test]
    fn gpt2_was_merged_from_50000_pairs_of_which_the_first_is_space_t() {
        let merges = BytePairEncoder::gpt2().merges();
        assert_eq!(merges.len(), 50000);
        assert_eq!(merges[0], (&b" "[..], &b"t"[..]));
        assert!(merges.iter().all(|(left, right)| !left.is_empty() && !right.is_empty()));
    }

    #[test]
    fn a_stream_gives_out_a_character_when_its_last_byte_arrives() {
        let encoder = BytePairEncoder::train("", 0); // ids are bytes
        let mut stream = StreamDecoder::new(&encoder);
        let given: Vec<String> =
            "aé€😀".bytes().map(|byte| stream.push(i64::from(byte)).expect("a byte")).collect();
        assert_eq!(given, ["a", "", "é", "", "", "€", "", "", "", "😀"]);
        assert_eq!(stream.finish(), "");
    }

    #[test]
    fn a_stream_replaces_what_can_no_longer_become_a_character() {
        let encoder = BytePairEncoder::train("", 0);
        let mut stream = StreamDecoder::new(&encoder);
        let given: Vec<String> = [0xE2, 0x82, b'a', 0xFF, 0xC3]
            .map(|byte| stream.push(i64::from(byte)).expect("a byte"))
            .to_vec();
        assert_eq!(given, ["", "", "\u{FFFD}a", "\u{FFFD}", ""]);
        assert_eq!(stream.finish(), "\u{FFFD}");
    }
}
