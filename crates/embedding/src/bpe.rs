//! Byte-pair encoding (chapter 1.2): any text as a list of ids, frequent strings as one id, rare ones as several.
//!
//! An encoder is a list of pieces, each a string of bytes. The single bytes come first, so that nothing is ever unknown; each
//! later piece joins two earlier ones and was added because they often stood side by side. A piece's place in the list is
//! its id and its rank: encoding joins the pair of lowest rank first, which replays the training.

use std::collections::HashMap;
use std::sync::LazyLock;

use anyhow::{Context, Result};

use crate::learn::{Merge, learn_merges, single_bytes};
use crate::split::split_pieces;

/// GPT-2's id for the end of a text. It separates documents and is never the encoding of any characters.
pub const END_OF_TEXT: i64 = 50256;
/// How the end of a text is written in the files of a tokenizer.
pub const END_MARK: &str = "<|endoftext|>";

/// Turns text into ids and ids into text, without loss.
#[derive(Debug, Clone)]
pub struct BytePairEncoder {
    /// The bytes of each id.
    pieces: Vec<Vec<u8>>,
    /// The id of each piece; none for the end of a text, which no characters may produce.
    ids: HashMap<Vec<u8>, i64>,
    /// The id that ends a text, where there is one.
    pub end_of_text: Option<i64>,
}

impl BytePairEncoder {
    /// Learns at most `merges` merges from `text`: ids 0 to 255 are the bytes, then come the merges in their order.
    pub fn train(text: &str, merges: usize) -> Self {
        Self::from_merges(&learn_merges(text, merges))
    }

    /// The encoder of merges that were learned in this order.
    pub fn from_merges(merges: &[Merge]) -> Self {
        let mut pieces = single_bytes();
        for merge in merges {
            pieces.push([&merge.left[..], &merge.right].concat());
        }
        Self::from_pieces(pieces, &[], None)
    }

    /// GPT-2's own encoder, whose pieces tiktoken-rs carries; built at the first call.
    pub fn gpt2() -> &'static Self {
        static GPT2: LazyLock<BytePairEncoder> = LazyLock::new(|| {
            let official = tiktoken_rs::r50k_base_singleton();
            let bytes = |id| official.decode_bytes(&[id]).expect("every id has bytes");
            let pieces = (0..=END_OF_TEXT as u32).map(bytes).collect();
            BytePairEncoder::from_pieces(pieces, &[END_OF_TEXT], Some(END_OF_TEXT))
        });
        &GPT2
    }

    /// The encoder of pieces in the order of their ids. Those with a `special` id are the encoding of no characters; one of them may
    /// end a text.
    pub fn from_pieces(pieces: Vec<Vec<u8>>, special: &[i64], end_of_text: Option<i64>) -> Self {
        let mut ids = HashMap::new();
        for (piece, id) in pieces.iter().zip(0..) {
            if !special.contains(&id) {
                ids.insert(piece.clone(), id);
            }
        }
        Self { pieces, ids, end_of_text }
    }

    /// The same encoder with an id more, behind all others, that ends a text.
    #[must_use]
    pub fn with_end_of_text(mut self) -> Self {
        self.end_of_text = Some(self.pieces.len() as i64);
        self.pieces.push(END_MARK.into());
        self
    }

    /// Encodes any text. The characters `<|endoftext|>` are encoded like any others, never as [`END_OF_TEXT`].
    ///
    /// # Source
    /// `Encoder.bpe` of GPT-2's `encoder.py` (<https://github.com/openai/gpt-2>).
    ///
    /// # Differs
    /// OpenAI's ranks belong to pairs of pieces, ours to what a pair makes; for merges that were learned it is the same.
    pub fn encode(&self, text: &str) -> Vec<i64> {
        let mut ids = Vec::new();
        for word in split_pieces(text) {
            for piece in self.join(word.as_bytes(), i64::MAX) {
                ids.push(self.ids[&piece]);
            }
        }
        ids
    }

    /// Joins the bytes of a word as far as there are pieces whose rank is below `limit`, the lowest rank first.
    fn join(&self, word: &[u8], limit: i64) -> Vec<Vec<u8>> {
        let mut parts: Vec<Vec<u8>> = word.iter().map(|&byte| vec![byte]).collect();
        while let Some(left) = self.lowest_pair(&parts, limit) {
            let right = parts.remove(left + 1);
            parts[left].extend(right);
        }
        parts
    }

    /// The place of the two neighbors that make the piece of the lowest rank below `limit`, the first place of equals.
    fn lowest_pair(&self, parts: &[Vec<u8>], limit: i64) -> Option<usize> {
        let mut lowest = limit;
        let mut found = None;
        for (left, pair) in parts.windows(2).enumerate() {
            if let Some(rank) = self.id(&pair.concat())
                && rank < lowest
            {
                lowest = rank;
                found = Some(left);
            }
        }
        found
    }

    /// The text of `ids`; bytes that are no valid UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// If an id is outside the vocabulary; the message names it.
    pub fn decode(&self, ids: &[i64]) -> Result<String> {
        let mut bytes = Vec::new();
        for &id in ids {
            bytes.extend_from_slice(self.piece(id)?);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The bytes that `id` stands for; not always whole characters.
    ///
    /// # Errors
    /// If `id` is outside the vocabulary; the message names it.
    pub fn piece(&self, id: i64) -> Result<&[u8]> {
        let piece = usize::try_from(id).ok().and_then(|id| self.pieces.get(id));
        piece.map(Vec::as_slice).with_context(|| {
            let last = self.pieces.len() - 1;
            format!("id {id} is outside the vocabulary, whose ids are 0 to {last}")
        })
    }

    /// The id of a piece, which is its rank too; none for bytes that are no piece, and for the end of a text.
    pub fn id(&self, piece: &[u8]) -> Option<i64> {
        self.ids.get(piece).copied()
    }

    /// The number of ids: 50,257 for GPT-2.
    pub fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    /// The two pieces that each later piece was joined from, in the order of ids.
    pub fn merges(&self) -> Vec<(&[u8], &[u8])> {
        let mut merges = Vec::new();
        for piece in &self.pieces {
            if let Some(rank) = self.id(piece)
                && piece.len() > 1
            {
                let parts = self.join(piece, rank); // every join but the last, which would make the piece itself
                merges.push(piece.split_at(parts[0].len()));
            }
        }
        merges
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
        let finished = self.unfinished.len() - begun_character(&self.unfinished);
        let finished: Vec<u8> = self.unfinished.drain(..finished).collect();
        Ok(String::from_utf8_lossy(&finished).into_owned())
    }

    /// Ends the text: a character left unfinished becomes U+FFFD.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.unfinished).into_owned()
    }
}

/// How many bytes at the end begin a character whose other bytes may still follow.
fn begun_character(bytes: &[u8]) -> usize {
    let Some(last) = bytes.utf8_chunks().last() else { return 0 };
    match str::from_utf8(last.invalid()) {
        Err(error) if error.error_len().is_none() => last.invalid().len(),
        _ => 0,
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
    fn the_lowest_rank_is_joined_first_wherever_it_stands_and_of_equals_the_first() {
        let merge = |left: &[u8], right: &[u8]| Merge {
            left: left.to_vec(),
            right: right.to_vec(),
            times: 1,
        };
        let merges = [merge(b"b", b"c"), merge(b"a", b"b"), merge(b"bc", b"d"), merge(b"a", b"a")];
        let encoder = BytePairEncoder::from_merges(&merges); // ids 256 to 259
        let joined = |word: &str, limit| encoder.join(word.as_bytes(), limit);
        assert_eq!(joined("abcd", i64::MAX), [&b"a"[..], b"bcd"]);
        assert_eq!(joined("abcd", 258), [&b"a"[..], b"bc", b"d"]);
        assert_eq!(joined("aaa", i64::MAX), [&b"aa"[..], b"a"]);
        assert_eq!(joined("", i64::MAX), [b""; 0]);
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
