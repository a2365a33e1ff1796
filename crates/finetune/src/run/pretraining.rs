//! What a model made on the spot reads before it is taught to answer (chapter 5.7): rows that say everything twice, then texts.
//!
//! To say something again is what most answers need, and texts ask for it seldom.

use anyhow::Result;
use embedding::{
    loader::{Loader, random_permutation},
    support::generators::Libtorch,
    windows::Windows,
};
use rand_mt::Mt;
use tch::Tensor;
use train::{examples::Examples, loss::IGNORED};

/// The most tokens of a sequence that is said twice.
const LONGEST: usize = 10;

/// Rows of repetitions, and windows of a text.
pub struct PretrainingSet {
    repetitions: Vec<Row>,
    windows: Windows,
    context: usize,
    text_batches: usize,
}

/// Ids, and for each whether it can be known from those before it.
type Row = Vec<(i64, bool)>;

impl PretrainingSet {
    /// Draws so many rows of repetitions from a vocabulary, and cuts a text into windows. A pass takes the repetitions once, and
    /// then `text_batches` batches of the text, which it reads as often as that takes.
    ///
    /// # Errors
    /// If the text fills no window.
    pub fn new(
        repetitions: usize,
        text: Vec<i64>,
        text_batches: usize,
        context: usize,
        vocabulary: usize,
        seed: u32,
    ) -> Result<Self> {
        let mut generator = Mt::new(seed);
        let mut row = |_| {
            let [first, second] =
                [(); 2].map(|()| repetition(&mut generator, vocabulary, context / 2));
            let mut row = [first, second].concat();
            row.resize(context + 1, (0, false)); // where the context is no multiple of four, and one for the last target
            row
        };
        let repetitions = (0..repetitions).map(&mut row).collect();
        let windows = Windows::new(text, context, context)?;
        Ok(Self { repetitions, windows, context, text_batches })
    }
}

/// Some sequences of random tokens, and the same in another order. What can be known is each token of the second time that is not the
/// first of its sequence. At most `length` tokens in all.
///
/// Where few tokens take part, they occur several times, so that one has to look at more than one of them.
fn repetition(generator: &mut Mt, vocabulary: usize, length: usize) -> Row {
    let mut below = |end: usize| generator.next_u32() as usize % end;
    let kinds = [16, 48, vocabulary][below(3)];
    let tokens: Vec<i64> = (0..kinds).map(|_| below(vocabulary) as i64).collect();
    let (mut sequences, mut left): (Vec<Vec<i64>>, _) = (Vec::new(), length / 2);
    while left > 0 {
        let some = (2 + below(LONGEST - 1)).min(left);
        sequences.push((0..some).map(|_| tokens[below(kinds)]).collect());
        left -= some;
    }
    let mut row: Row = sequences.iter().flatten().map(|&id| (id, false)).collect();
    for number in random_permutation(sequences.len(), generator) {
        row.extend(sequences[number].iter().enumerate().map(|(place, &id)| (id, place > 0)));
    }
    row
}

impl Examples for PretrainingSet {
    fn len(&self) -> usize {
        self.repetitions.len() + self.windows.len()
    }

    fn batch(&self, items: &[usize]) -> (Tensor, Tensor) {
        let one = |&item: &usize| {
            let Some(row) = self.repetitions.get(item) else {
                return Windows::batch(&self.windows, &[item - self.repetitions.len()]);
            };
            let inputs: Vec<i64> = row[..self.context].iter().map(|&(id, _)| id).collect();
            let targets: Vec<i64> =
                row[1..].iter().map(|&(id, known)| if known { id } else { IGNORED }).collect();
            let as_row = |ids: &[i64]| Tensor::from_slice(ids).unsqueeze(0);
            (as_row(&inputs), as_row(&targets))
        };
        let (inputs, targets): (Vec<Tensor>, Vec<Tensor>) = items.iter().map(one).unzip();
        (Tensor::cat(&inputs, 0), Tensor::cat(&targets, 0))
    }

    fn pass(&self, batch_size: usize) -> Result<Vec<Vec<usize>>> {
        let first_window = self.repetitions.len();
        let repetitions = (0..first_window).collect::<Vec<_>>();
        let mut batches: Vec<Vec<usize>> =
            repetitions.chunks(batch_size).map(<[usize]>::to_vec).collect();
        let total = batches.len() + self.text_batches;
        let windows = Loader::new(self.windows.len(), batch_size, true, false)?;
        while batches.len() < total {
            let of_text = windows.pass(Libtorch).take(total - batches.len());
            batches.extend(of_text.map(|batch| batch.iter().map(|i| first_window + i).collect()));
        }
        Ok(batches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: usize = 32;

    fn set(seed: u32) -> PretrainingSet {
        let text = (0..=4 * CONTEXT as i64).collect();
        PretrainingSet::new(5, text, 7, CONTEXT, 500, seed).expect("a text")
    }

    #[test]
    fn a_pass_says_everything_twice_first_and_then_reads_the_text_as_often_as_was_asked() {
        let set = set(1);
        tch::manual_seed(1);
        let batches = set.pass(2).expect("batches");
        let kinds: Vec<bool> = batches.iter().map(|batch| batch[0] < 5).collect();
        assert_eq!(kinds, [vec![true; 3], vec![false; 7]].concat());
        let mut read = batches[3..7].concat();
        read.sort_unstable();
        assert_eq!(read, [5, 5, 6, 6, 7, 7, 8, 8]);
    }

    #[test]
    fn text_counts_as_it_stands() {
        let set = set(1);
        assert_eq!(set.len(), 9);
        assert_eq!(set.batch(&[7]), Windows::batch(&set.windows, &[2]));
        assert_eq!(set.batch(&[4, 8, 0]).0.size(), [3, CONTEXT as i64]);
    }

    #[test]
    fn what_counts_of_a_repetition_has_followed_the_same_token_before() {
        let set = set(1);
        for row in &set.repetitions {
            assert_eq!(row.len(), CONTEXT + 1);
            let known: Vec<usize> = (0..row.len()).filter(|&place| row[place].1).collect();
            assert!(known.len() >= CONTEXT / 4, "{known:?}");
            for place in known {
                let pair = [row[place - 1].0, row[place].0];
                let before = row[..place].windows(2).any(|ids| [ids[0].0, ids[1].0] == pair);
                assert!(before, "{pair:?} in {row:?}");
            }
        }
    }

    #[test]
    fn a_seed_gives_the_same_rows_and_another_seed_others() {
        let hash = |seed| Examples::data_hash(&set(seed));
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }
}
