//! Byte-pair encoding: any text as a list of ids, frequent strings as one id, rare ones as several.
//!
//! An encoder is a list of pieces, each a string of bytes. The first 256 are the single bytes, so that nothing is ever
//! unknown; each later piece joins two earlier ones and was added because they often stood side by side. A piece's place in
//! the list is its id and its rank: encoding joins the pair of lowest rank first, which replays the training.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::LazyLock;

use anyhow::{Context, Result};

use crate::split::split_pieces;

/// GPT-2's id for the end of a text. It separates documents and is never the encoding of any characters.
pub const END_OF_TEXT: i64 = 50256;

/// One step of training: two neighbours that become one piece, and how often they stood side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The bytes of the piece on the left.
    pub left: Vec<u8>,
    /// The bytes of the piece on the right.
    pub right: Vec<u8>,
    /// How often the pair occurred when it was chosen.
    pub times: usize,
}

/// Finds the merges that shorten `text` fastest, most frequent pair first.
///
/// Of pairs equally frequent, the one whose left piece has the lower id is chosen, and then the one with the lower right
/// id. Fewer merges than asked for are returned when no two pieces are left side by side.
///
/// # Source
/// Sennrich et al. 2016 (<https://arxiv.org/abs/1508.07909>), algorithm 1, on bytes as in section 2.2 of Radford et al. 2019,
/// "Language Models are Unsupervised Multitask Learners".
pub fn learn_merges(text: &str, merges: usize) -> Vec<Merge> {
    let mut pieces = single_bytes();
    let mut words: HashMap<&str, usize> = HashMap::new();
    for word in split_pieces(text) {
        *words.entry(word).or_default() += 1;
    }
    let mut words: Vec<(Vec<usize>, usize)> =
        words.into_iter().map(|(word, times)| (word.bytes().map(usize::from).collect(), times)).collect();

    let mut learned = Vec::new();
    while learned.len() < merges {
        let mut counts: HashMap<(usize, usize), usize> = HashMap::new();
        for (ids, times) in &words {
            for pair in ids.windows(2) {
                *counts.entry((pair[0], pair[1])).or_default() += times;
            }
        }
        let Some((&pair, &times)) = counts.iter().max_by_key(|&(&pair, &times)| (times, Reverse(pair))) else {
            break;
        };
        for (ids, _) in &mut words {
            join_pair(ids, pair, pieces.len());
        }
        learned.push(Merge { left: pieces[pair.0].clone(), right: pieces[pair.1].clone(), times });
        pieces.push([&pieces[pair.0][..], &pieces[pair.1]].concat());
    }
    learned
}

fn single_bytes() -> Vec<Vec<u8>> {
    (0..=u8::MAX).map(|byte| vec![byte]).collect()
}

/// Replaces every occurrence of `pair` in `ids`, from left to right, by `joined`.
fn join_pair(ids: &mut Vec<usize>, pair: (usize, usize), joined: usize) {
    let mut kept = 0;
    let mut read = 0;
    while read < ids.len() {
        let found = ids[read..].starts_with(&[pair.0, pair.1]);
        ids[kept] = if found { joined } else { ids[read] };
        read += if found { 2 } else { 1 };
        kept += 1;
    }
    ids.truncate(kept);
}

/// Turns text into ids and ids into text, without loss.
pub struct BytePairEncoder {
    /// The bytes of each id.
    pieces: Vec<Vec<u8>>,
    /// The id of each string of bytes; without special pieces, which no text may produce.
    ranks: HashMap<Vec<u8>, i64>,
}

impl BytePairEncoder {
    /// Learns `merges` merges from `text`: ids 0 to 255 are the bytes, the rest the merges in order.
    pub fn train(text: &str, merges: usize) -> Self {
        let learned = learn_merges(text, merges).into_iter().map(|merge| [merge.left, merge.right].concat());
        Self::from_pieces(single_bytes().into_iter().chain(learned).collect())
    }

    /// GPT-2's own encoder, whose pieces tiktoken-rs carries; built at the first call.
    pub fn gpt2() -> &'static Self {
        static GPT2: LazyLock<BytePairEncoder> = LazyLock::new(|| {
            let official = tiktoken_rs::r50k_base_singleton();
            let bytes = |id| official.decode_bytes(&[id]).expect("every id below the vocabulary's size has bytes");
            let mut encoder = BytePairEncoder::from_pieces((0..END_OF_TEXT as u32).map(bytes).collect());
            encoder.pieces.push(bytes(END_OF_TEXT as u32));
            encoder
        });
        &GPT2
    }

    fn from_pieces(pieces: Vec<Vec<u8>>) -> Self {
        let ranks = pieces.iter().cloned().zip(0..).collect();
        Self { pieces, ranks }
    }

    /// The number of ids: 50,257 for GPT-2.
    pub fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    /// The bytes that `id` stands for; not always whole characters.
    ///
    /// # Errors
    /// If `id` is outside the vocabulary; the message names it.
    pub fn piece(&self, id: i64) -> Result<&[u8]> {
        usize::try_from(id)
            .ok()
            .and_then(|id| self.pieces.get(id))
            .map(Vec::as_slice)
            .with_context(|| format!("id {id} is outside the vocabulary, whose ids are 0 to {}", self.pieces.len() - 1))
    }

    /// Encodes any text. The characters `<|endoftext|>` are encoded like any others, never as [`END_OF_TEXT`].
    pub fn encode(&self, text: &str) -> Vec<i64> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        for piece in split_pieces(text) {
            match self.ranks.get(piece.as_bytes()) {
                Some(&id) => ids.push(id),
                None => self.merge(piece.as_bytes(), &mut ids),
            }
        }
        ids
    }

    /// Joins neighbours in `piece`, the pair of lowest rank first and the leftmost of equals, and appends the ids that remain.
    ///
    /// A heap holds the possible joins, so that a piece of a million characters takes seconds and not days.
    fn merge(&self, piece: &[u8], ids: &mut Vec<i64>) {
        let end = piece.len();
        // A part is known by its first byte: where the next part starts, where the one before starts, and whether it still stands.
        let mut next: Vec<usize> = (1..=end).collect();
        let mut before: Vec<usize> = (0..end).map(|start| start.saturating_sub(1)).collect();
        let mut stands = vec![true; end];
        let mut joins = BinaryHeap::new();
        let join = |from: usize, to: usize| self.ranks.get(&piece[from..to]).map(|&rank| Reverse((rank, from, to)));
        joins.extend((1..end).filter_map(|middle| join(middle - 1, middle + 1)));

        while let Some(Reverse((_, from, to))) = joins.pop() {
            let middle = next[from];
            if !stands[from] || middle == end || next[middle] != to {
                continue; // a neighbour has been joined to something else since
            }
            stands[middle] = false;
            next[from] = to;
            if to < end {
                before[to] = from;
                joins.extend(join(from, next[to]));
            }
            if from > 0 {
                joins.extend(join(before[from], to));
            }
        }

        let mut start = 0;
        while start < end {
            ids.push(self.ranks[&piece[start..next[start]]]);
            start = next[start];
        }
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
        let mut text = String::new();
        while let Err(error) = str::from_utf8(&self.unfinished) {
            let (valid, rest) = self.unfinished.split_at(error.valid_up_to());
            text.push_str(&String::from_utf8_lossy(valid));
            let Some(broken) = error.error_len() else {
                self.unfinished = rest.to_vec();
                return Ok(text);
            };
            text.push(char::REPLACEMENT_CHARACTER);
            self.unfinished = rest[broken..].to_vec();
        }
        text.push_str(&String::from_utf8_lossy(&self.unfinished));
        self.unfinished.clear();
        Ok(text)
    }

    /// Ends the text: a character left unfinished becomes U+FFFD.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.unfinished).into_owned()
    }
}
