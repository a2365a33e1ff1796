//! Byte-pair training (chapter 1.2): which strings of a text deserve a number of their own.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::split::split_pieces;

/// One step of training: two neighbors that become one piece, and how often they stood side by side.
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
/// Pieces are numbered as they are made, the 256 single bytes first. Of pairs equally frequent, the one whose left piece has
/// the lower number is chosen, then the one whose right piece has. There are fewer merges than asked for when no two pieces
/// are left side by side.
///
/// # Source
/// Sennrich et al. 2016 (<https://arxiv.org/abs/1508.07909>), algorithm 1; on bytes, and within the pieces of
/// [`split_pieces`], as in section 2.2 of Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".
pub fn learn_merges(text: &str, merges: usize) -> Vec<Merge> {
    let mut pieces = single_bytes();
    let mut words = count_words(text);
    let mut learned = Vec::new();
    while learned.len() < merges
        && let Some((pair, times)) = most_frequent_pair(&words)
    {
        for (ids, _) in &mut words {
            join_pair(ids, pair, pieces.len());
        }
        let (left, right) = (pieces[pair.0].clone(), pieces[pair.1].clone());
        pieces.push([&left[..], &right].concat());
        learned.push(Merge { left, right, times });
    }
    learned
}

/// The pieces that every encoder starts from: one for each byte.
pub(crate) fn single_bytes() -> Vec<Vec<u8>> {
    (0..=u8::MAX).map(|byte| vec![byte]).collect()
}

/// Each different word of the text as numbers of pieces, at first of single bytes, and how often it occurs.
fn count_words(text: &str) -> Vec<(Vec<usize>, usize)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for word in split_pieces(text) {
        *counts.entry(word).or_default() += 1;
    }
    let mut words = Vec::new();
    for (word, times) in counts {
        words.push((word.bytes().map(usize::from).collect(), times));
    }
    words
}

fn most_frequent_pair(words: &[(Vec<usize>, usize)]) -> Option<((usize, usize), usize)> {
    let mut counts: HashMap<(usize, usize), usize> = HashMap::new();
    for (ids, times) in words {
        for pair in ids.windows(2) {
            *counts.entry((pair[0], pair[1])).or_default() += times;
        }
    }
    counts.into_iter().max_by_key(|&(pair, times)| (times, Reverse(pair)))
}

/// Replaces every occurrence of `pair` in `ids`, from left to right, by `joined`.
pub(crate) fn join_pair(ids: &mut Vec<usize>, pair: (usize, usize), joined: usize) {
    let (mut read, mut written) = (0, 0);
    while read < ids.len() {
        let found = ids[read..].starts_with(&[pair.0, pair.1]);
        ids[written] = if found { joined } else { ids[read] };
        read += if found { 2 } else { 1 };
        written += 1;
    }
    ids.truncate(written);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readable(merges: &[Merge]) -> Vec<(String, String, usize)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        merges.iter().map(|merge| (text(&merge.left), text(&merge.right), merge.times)).collect()
    }

    fn expected(merges: &[(&str, &str, usize)]) -> Vec<(String, String, usize)> {
        merges
            .iter()
            .map(|&(left, right, times)| (left.to_string(), right.to_string(), times))
            .collect()
    }

    #[test]
    fn the_most_frequent_pair_is_merged_first() {
        // "ab" stands 5 times, "bc" 3 times; once "ab" is one piece, only "abc" is left to make.
        let merges = learn_merges("abc abc abc ab ab", 3);
        // A space belongs to the word after it: " a" stands 4 times, " ab" 4 times.
        assert_eq!(readable(&merges), expected(&[("a", "b", 5), (" ", "ab", 4), (" ab", "c", 2)]));
    }

    #[test]
    fn of_equally_frequent_pairs_the_lower_ids_win() {
        assert_eq!(readable(&learn_merges("yz", 1)), expected(&[("y", "z", 1)]));
        assert_eq!(readable(&learn_merges("zyx", 1)), expected(&[("y", "x", 1)]));
        assert_eq!(readable(&learn_merges("acab", 1)), expected(&[("a", "b", 1)]));
    }

    #[test]
    fn overlapping_pairs_are_joined_from_the_left() {
        let mut ids = vec![7, 7, 7, 8, 7, 7];
        join_pair(&mut ids, (7, 7), 9);
        assert_eq!(ids, [9, 7, 8, 9]);
    }

    #[test]
    fn merges_never_cross_from_word_to_word_and_end_when_every_word_is_one_piece() {
        let merges = learn_merges("ab ab", 100);
        assert_eq!(readable(&merges), expected(&[("a", "b", 2), (" ", "ab", 1)]));
        assert_eq!(learn_merges("", 5), []);
    }
}
