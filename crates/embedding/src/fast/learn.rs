//! Byte-pair training that counts anew only what a merge has changed.
//!
//! The lesson counts all pairs of all words for each merge. Here each pair knows the words that it occurs in, so that a merge looks
//! at those alone, and the pairs wait in a heap by how often they occur: 4,096 entries of 6 MB of text take a quarter of a second on
//! one thread, and Hugging Face's `tokenizers` 1.5 seconds on two (`cargo xtask bench vocabulary`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anyhow::{Result, ensure};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::learn::{self, Merge, join_pair, single_bytes};
use crate::split::first_piece;

/// Bytes of a text that both are tried on, which takes the lesson a few milliseconds.
const BEGINNING: usize = 4096;

type Pair = (usize, usize);

/// The merges that [`learn_merges`](crate::learn::learn_merges) of the lesson finds, in the same order.
pub fn learn_merges(text: &str, merges: usize) -> Vec<Merge> {
    let mut pieces = single_bytes();
    let mut counter = Counter::new(text);
    let mut learned = Vec::new();
    while learned.len() < merges
        && let Some((pair, times)) = counter.most_frequent()
    {
        counter.join(pair, pieces.len());
        let (left, right) = (pieces[pair.0].clone(), pieces[pair.1].clone());
        pieces.push([&left[..], &right].concat());
        learned.push(Merge { left, right, times });
    }
    learned
}

/// The merges of a text, once those of its beginning were found to be the lesson's.
///
/// # Errors
/// Names the first merge that differs.
pub fn proven(text: &str, merges: usize) -> Result<Vec<Merge>> {
    let beginning = &text[..text.floor_char_boundary(BEGINNING)];
    let (ours, expected) = (learn_merges(beginning, 60), learn::learn_merges(beginning, 60));
    for place in 0..ours.len().max(expected.len()) {
        ensure!(
            ours.get(place) == expected.get(place),
            "merge {} of the fast path differs from the lesson: {:?} instead of {:?}",
            place + 1,
            ours.get(place),
            expected.get(place)
        );
    }
    Ok(learn_merges(text, merges))
}

/// How often each pair occurs in a text.
struct Counter {
    /// The different words of the text as numbers of pieces, and how often each occurs.
    words: Vec<(Vec<usize>, usize)>,
    pairs: FxHashMap<Pair, Occurrences>,
    /// Pairs by a count that they have or had, of equals the lower pair first.
    frequent: BinaryHeap<(usize, Reverse<Pair>)>,
}

#[derive(Default)]
struct Occurrences {
    times: usize,
    /// Words that hold the pair, or held it once.
    words: Vec<usize>,
}

impl Counter {
    fn new(text: &str) -> Self {
        let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
        let mut rest = text;
        while let Some(word) = first_piece(rest) {
            *counts.entry(word).or_default() += 1;
            rest = &rest[word.len()..];
        }
        let ids = |word: &str| word.bytes().map(usize::from).collect::<Vec<_>>();
        let words: Vec<_> = counts.into_iter().map(|(word, times)| (ids(word), times)).collect();
        let mut pairs: FxHashMap<Pair, Occurrences> = FxHashMap::default();
        for (word, (ids, times)) in words.iter().enumerate() {
            for pair in ids.windows(2) {
                pairs.entry((pair[0], pair[1])).or_default().add(*times, word);
            }
        }
        let frequent = pairs.iter().map(|(&pair, found)| (found.times, Reverse(pair))).collect();
        Self { words, pairs, frequent }
    }

    /// The pair that occurs most often, and how often.
    fn most_frequent(&mut self) -> Option<(Pair, usize)> {
        while let Some((times, Reverse(pair))) = self.frequent.pop() {
            let now = self.pairs.get(&pair).map_or(0, |found| found.times);
            if now == times {
                return Some((pair, times));
            }
            if now > 0 {
                self.frequent.push((now, Reverse(pair))); // it has become rarer since
            }
        }
        None
    }

    /// Replaces a pair by the piece that it makes, in every word that holds it.
    fn join(&mut self, pair: Pair, piece: usize) {
        let words = self.pairs.remove(&pair).map_or(Vec::new(), |found| found.words);
        let mut grown = FxHashSet::default();
        for word in words {
            let (ids, times) = &mut self.words[word];
            for pair in ids.windows(2) {
                if let Some(found) = self.pairs.get_mut(&(pair[0], pair[1])) {
                    found.times -= *times;
                }
            }
            join_pair(ids, pair, piece);
            for pair in ids.windows(2) {
                let pair = (pair[0], pair[1]);
                let found = self.pairs.entry(pair).or_default();
                if pair.0 == piece || pair.1 == piece {
                    found.add(*times, word);
                    grown.insert(pair);
                } else {
                    found.times += *times; // what was there before
                }
            }
        }
        let times = |pair| (self.pairs[&pair].times, Reverse(pair));
        self.frequent.extend(grown.into_iter().map(times));
    }
}

impl Occurrences {
    fn add(&mut self, times: usize, word: usize) {
        self.times += times;
        if self.words.last() != Some(&word) {
            self.words.push(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::texts::PROSE;

    #[test]
    fn the_merges_are_those_of_the_plain_loop() {
        let texts =
            ["", "a", "ab ab abc", "aaaaaaa aaa aa baaab", "abababab ba bab", &PROSE[..20_000]];
        for text in texts {
            assert_eq!(learn_merges(text, 300), learn::learn_merges(text, 300), "{text:.20}");
        }
    }

    #[test]
    fn every_pair_of_a_text_is_learned_if_there_is_no_limit() {
        let text = "one two three, two one \u{4e00}\u{d55c}\u{d55c} 111111";
        let all = learn_merges(text, usize::MAX);
        assert_eq!(all, learn::learn_merges(text, usize::MAX));
        let words = crate::split::split_pieces(text);
        let longest = words.iter().map(|word| word.len()).max();
        let made = all.iter().map(|merge| merge.left.len() + merge.right.len()).max();
        assert_eq!(made, longest, "in the end each word is one piece");
    }
}
