//! The inner loop of encoding, with a queue.
//!
//! The lesson looks through the list of parts for the pair of lowest rank, joins it, and looks again. What differs here: possible
//! joins wait in a heap, so that a word of a million letters takes a second and not a day; memory is used again from word to
//! word; and the map's hash needs no protection from hostile texts, because a text never adds to it.

use std::array;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

/// The rank of two parts that make no piece.
pub(super) const NEVER: u32 = u32::MAX;

/// The rank of each piece, which is also its id.
pub(super) struct Ranks {
    pieces: FxHashMap<Vec<u8>, u32>,
    bytes: [u32; 256],
}

impl Ranks {
    /// Takes the pieces that a text may produce, the 256 single bytes among them, and their ids.
    pub(super) fn new(pieces: impl Iterator<Item = (Vec<u8>, u32)>) -> Self {
        let pieces: FxHashMap<Vec<u8>, u32> = pieces.collect();
        let bytes = array::from_fn(|byte| pieces[&[byte as u8][..]]);
        Self { pieces, bytes }
    }

    /// The rank of a string of bytes, or [`NEVER`].
    pub(super) fn get(&self, bytes: &[u8]) -> u32 {
        self.pieces.get(bytes).copied().unwrap_or(NEVER)
    }
}

/// Joins bytes to pieces, word after word, in memory of its own.
pub(super) struct Joiner<'a> {
    ranks: &'a Ranks,
    /// The parts of the word, each at the place of its first byte.
    parts: Vec<Part>,
    /// Which part might be joined with the next one, lowest rank first, then leftmost.
    joins: BinaryHeap<Reverse<(u32, u32)>>,
}

/// One part of a word on the way from bytes to pieces.
struct Part {
    id: u32,
    before: u32,
    next: u32,
    /// The rank of this part joined with the next.
    rank: u32,
}

impl<'a> Joiner<'a> {
    pub(super) fn new(ranks: &'a Ranks) -> Self {
        Self { ranks, parts: Vec::new(), joins: BinaryHeap::new() }
    }

    /// The ids that remain of `word` when all joins are done, lowest rank first, leftmost of equals.
    pub(super) fn join(&mut self, word: &[u8]) -> impl Iterator<Item = u32> {
        self.parts.clear();
        for (start, &byte) in word.iter().enumerate() {
            let rank = word.get(start..start + 2).map_or(NEVER, |pair| self.ranks.get(pair));
            let (start, id) = (start as u32, self.ranks.bytes[usize::from(byte)]);
            self.parts.push(Part { id, before: start.saturating_sub(1), next: start + 1, rank });
        }
        let possible = self.parts.iter().zip(0..).filter(|(part, _)| part.rank != NEVER);
        self.joins.extend(possible.map(|(part, start)| Reverse((part.rank, start))));
        while let Some(Reverse((rank, start))) = self.joins.pop() {
            let part = &self.parts[start as usize];
            if part.rank != rank {
                continue; // this part or the next has been joined otherwise since
            }
            let (before, swallowed) = (part.before, part.next);
            let next = self.parts[swallowed as usize].next;
            self.parts[swallowed as usize].rank = NEVER;
            if let Some(part) = self.parts.get_mut(next as usize) {
                part.before = start;
            }
            let part = &mut self.parts[start as usize];
            (part.id, part.next) = (rank, next);
            self.consider(word, start);
            if start > 0 {
                self.consider(word, before);
            }
        }
        let mut start = 0;
        std::iter::from_fn(move || {
            let part = self.parts.get(start as usize)?;
            start = part.next;
            Some(part.id)
        })
    }

    /// Notes whether the part at `start` may be joined with the next.
    fn consider(&mut self, word: &[u8], start: u32) {
        let next = self.parts[start as usize].next;
        let rank = match self.parts.get(next as usize) {
            Some(next) => self.ranks.get(&word[start as usize..next.next as usize]),
            None => NEVER,
        };
        self.parts[start as usize].rank = rank;
        if rank != NEVER {
            self.joins.push(Reverse((rank, start)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Single bytes, then "ab", "bc", "abc", "aa".
    fn ranks() -> Ranks {
        let bytes = (0..=u8::MAX).map(|byte| vec![byte]);
        Ranks::new(bytes.chain(["ab", "bc", "abc", "aa"].map(Vec::from)).zip(0..))
    }

    fn join(word: &str) -> Vec<u32> {
        Joiner::new(&ranks()).join(word.as_bytes()).collect()
    }

    #[test]
    fn the_lowest_rank_is_joined_first_and_its_result_is_joined_on() {
        assert_eq!(join("abc"), [258]); // "ab" before "bc", then "abc"
        assert_eq!(join("bcab"), [257, 256]);
        assert_eq!(join("aab"), [u32::from(b'a'), 256]); // "ab" takes the second a before "aa" can
    }

    #[test]
    fn of_equal_ranks_the_leftmost_is_joined_first() {
        assert_eq!(join("aaa"), [259, u32::from(b'a')]);
    }

    #[test]
    fn memory_of_an_earlier_word_does_not_leak_into_the_next() {
        let ranks = ranks();
        let mut joiner = Joiner::new(&ranks);
        drop(joiner.join(b"abcabcaab"));
        assert_eq!(joiner.join(b"").count(), 0);
        assert_eq!(joiner.join(b"aaa").collect::<Vec<_>>(), [259, u32::from(b'a')]);
    }
}
