//! Which positions of a batch have to be computed.
//!
//! A position sees what comes before it and nothing else. So texts that begin alike are alike inside as far as that goes, and one
//! of them is enough: in fine-tuning, where every prompt opens with the same sentences, that is a third of all positions. And
//! whatever follows the last target of a text, such as padding, reaches no loss. In the last block, a position is read by those
//! after it and never again: what it would become there matters only where it has a target.
//!
//! `cargo xtask bench finetune` measures it: with entries of similar length in a batch, ours takes 0.46 of the time of
//! PyTorch, which pads. There prompts count, so that all rows leave the last block; where they do not count, a step of the small model
//! takes 0.95 of its time.

use crate::loss::IGNORED;
use std::collections::HashMap;
use tch::{Kind, Tensor};

/// The positions of a batch that differ and matter, one row for each.
pub struct Rows {
    /// `[rows]`
    pub ids: Tensor,
    /// `[rows]`, counted from the beginning of the text.
    pub positions: Tensor,
    /// `[kept]`, those that leave the last block, because they have targets; nothing if all leave it.
    pub kept: Option<Tensor>,
    /// Each target: its place among those that leave the last block, in rising order, and its id.
    pub targets: Vec<(i64, i64)>,
    /// How rows lie in the batch; nothing if they are its positions one after the other.
    spread: Option<Spread>,
}

/// Some rows that have targets.
pub struct Scored {
    /// `[rows]`, their places among those that leave the last block.
    pub rows: Tensor,
    /// How many targets each has.
    pub counts: Vec<f32>,
    /// For each target its id, and its place among these rows.
    pub targets: [Option<Tensor>; 2],
}

struct Spread {
    row: Tensor,      // [B * T], 0 where there is none
    position: Tensor, // [rows], the first of several
    count: i64,
}

impl Rows {
    /// Finds the rows of a batch; unless they may be `shared`, each of its positions is one, and leaves the last block.
    ///
    /// # Shapes
    /// - `inputs`, `targets`: `[B, T]`
    ///
    /// # Panics
    /// If they are not 64-bit whole numbers.
    pub fn of(inputs: &Tensor, targets: &Tensor, shared: bool) -> Self {
        let t = inputs.size()[1] as usize;
        let [inputs, targets] = [inputs, targets].map(|ids| {
            assert_eq!(ids.kind(), Kind::Int64, "ids must be 64-bit whole numbers");
            Vec::<i64>::try_from(ids.reshape([-1])).expect("a vector of 64-bit whole numbers")
        });
        let mut known = HashMap::new();
        let (mut ids, mut positions, mut first) = (Vec::new(), Vec::new(), Vec::new());
        let (mut row_of, mut targets_of_rows) = (vec![0_i64; inputs.len()], Vec::new());
        for (text, targets) in targets.chunks_exact(t).enumerate() {
            let last = targets.iter().rposition(|&target| target != IGNORED);
            let needed = if shared { last.map_or(0, |last| last + 1) } else { t };
            let mut before = (!shared).then_some(-1 - text as i64);
            for (position, &target) in targets[..needed].iter().enumerate() {
                let place = text * t + position;
                let row = *known.entry((before, inputs[place])).or_insert_with(|| {
                    ids.push(inputs[place]);
                    positions.push(position as i64);
                    first.push(place as i64);
                    ids.len() as i64 - 1
                });
                row_of[place] = row;
                if target != IGNORED {
                    targets_of_rows.push((row, target));
                }
                before = Some(row);
            }
        }
        targets_of_rows.sort_unstable();
        let kept = if shared { number_kept(&mut targets_of_rows, ids.len()) } else { None };
        let spread = (ids.len() < inputs.len()).then(|| Spread {
            row: Tensor::from_slice(&row_of),
            position: Tensor::from_slice(&first),
            count: ids.len() as i64,
        });
        let [ids, positions] = [ids, positions].map(|numbers| Tensor::from_slice(&numbers));
        Self { ids, positions, kept, targets: targets_of_rows, spread }
    }

    /// How many there are.
    pub fn len(&self) -> i64 {
        self.ids.numel() as i64
    }

    /// The rows that have targets, at most `most` at a time.
    pub fn scored(&self, most: usize) -> Vec<Scored> {
        let by_row: Vec<&[(i64, i64)]> =
            self.targets.chunk_by(|(row, _), (next, _)| row == next).collect();
        let scored = by_row.chunks(most).map(|chunk| {
            let rows: Vec<i64> = chunk.iter().map(|targets| targets[0].0).collect();
            let targets = chunk.iter().enumerate().flat_map(|(place, targets)| {
                targets.iter().map(move |(_, id)| (*id, place as i64))
            });
            let (ids, places): (Vec<_>, Vec<_>) = targets.unzip();
            Scored {
                counts: chunk.iter().map(|targets| targets.len() as f32).collect(),
                rows: Tensor::from_slice(&rows),
                targets: [ids, places].map(|numbers| Some(Tensor::from_slice(&numbers))),
            }
        });
        scored.collect()
    }

    /// Whether some positions have no row of their own, so that [`spread`](Self::spread) has something to do.
    pub fn are_spread(&self) -> bool {
        self.spread.is_some()
    }

    /// Gives every position of the batch its row.
    ///
    /// # Shapes
    /// - `x`: `[rows, C]`
    /// - returns `[B * T, C]`
    pub fn spread(&self, x: Tensor) -> Tensor {
        match &self.spread {
            Some(spread) => x.index_select(0, &spread.row),
            None => x,
        }
    }

    /// The gradient of [`spread`](Self::spread): what all positions say about their row, added up.
    pub fn spread_backward(&self, dx: Tensor) -> Tensor {
        match &self.spread {
            Some(spread) => {
                Tensor::embedding_dense_backward(&dx, &spread.row, spread.count, -1, false)
            }
            None => dx,
        }
    }

    /// Takes each row from the first of its positions.
    ///
    /// # Shapes
    /// - `x`: `[B * T, C]`
    /// - returns `[rows, C]`
    pub fn gather(&self, x: &Tensor) -> Tensor {
        picked(x, self.spread.as_ref().map(|spread| &spread.position))
    }

    /// The gradient of [`gather`](Self::gather): nothing for the other positions.
    pub fn gather_backward(&self, dx: Tensor) -> Tensor {
        match &self.spread {
            Some(spread) => scattered(&dx, &spread.position, spread.row.numel() as i64),
            None => dx,
        }
    }
}

/// Those of several rows that are asked for; without an index all.
///
/// # Shapes
/// - `x`: `[rows, C]`
/// - `index`: `[picked]`
/// - returns `[picked, C]`
pub fn picked(x: &Tensor, index: Option<&Tensor>) -> Tensor {
    index.map_or_else(|| x.shallow_clone(), |index| x.index_select(0, index))
}

/// The gradient of [`picked`]: nothing for the other ones of so many rows.
pub fn picked_backward(dx: &Tensor, index: Option<&Tensor>, rows: i64) -> Tensor {
    index.map_or_else(|| dx.shallow_clone(), |index| scattered(dx, index, rows))
}

fn scattered(x: &Tensor, index: &Tensor, rows: i64) -> Tensor {
    let mut of_all = x.new_zeros([rows, x.size()[1]], (x.kind(), x.device()));
    of_all.index_copy_(0, index, x)
}

/// Finds which of so many rows have targets, and names each in its target by its place among them; nothing changes if all have some.
fn number_kept(targets: &mut [(i64, i64)], rows: usize) -> Option<Tensor> {
    let mut kept = Vec::new();
    for (row, _) in targets {
        if kept.last() != Some(row) {
            kept.push(*row);
        }
        *row = kept.len() as i64 - 1;
    }
    (kept.len() < rows).then(|| Tensor::from_slice(&kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_after_the_same_beginning_are_one_and_padding_is_none() {
        let inputs = Tensor::from_slice(&[5_i64, 6, 7, 8, 5, 6, 9, 0, 6, 6, 7, 8]).view([3, 4]);
        let targets =
            Tensor::from_slice(&[6_i64, 7, 8, 1, 6, 9, IGNORED, IGNORED, IGNORED, 7, 8, 2])
                .view([3, 4]);
        let rows = Rows::of(&inputs, &targets, true);
        assert_eq!(rows.ids, Tensor::from_slice(&[5_i64, 6, 7, 8, 6, 6, 7, 8]));
        assert_eq!(rows.positions, Tensor::from_slice(&[0_i64, 1, 2, 3, 0, 1, 2, 3]));
        let of_first_rows = [(0, 6), (0, 6), (1, 7), (1, 9), (2, 8), (3, 1)];
        assert_eq!(rows.targets, [&of_first_rows[..], &[(4, 7), (5, 8), (6, 2)]].concat());
        assert_eq!(rows.kept, Some(Tensor::from_slice(&[0_i64, 1, 2, 3, 5, 6, 7])));
        let [first, second] = &rows.scored(4)[..] else { panic!("seven rows have targets") };
        assert_eq!(first.counts, [2.0, 2.0, 1.0, 1.0]);
        assert_eq!(first.targets[1], Some(Tensor::from_slice(&[0_i64, 0, 1, 1, 2, 3])));
        assert_eq!(
            (&second.rows, &second.counts[..]),
            (&Tensor::from_slice(&[4_i64, 5, 6]), &[1.0; 3][..])
        );
        let x = rows.ids.unsqueeze(1); // [rows, 1]
        assert_eq!(rows.gather(&rows.spread(x.shallow_clone())), x);
        assert_eq!(
            rows.spread(x).reshape([3, 4]),
            Tensor::from_slice(&[5_i64, 6, 7, 8, 5, 6, 5, 5, 6, 6, 7, 8]).view([3, 4])
        );
    }

    #[test]
    fn rows_without_a_target_do_not_leave_the_last_block() {
        let inputs = Tensor::from_slice(&[5_i64, 6, 7, 5, 6, 8]).view([2, 3]);
        let targets = Tensor::from_slice(&[IGNORED, 7, 1, IGNORED, 8, 2]).view([2, 3]);
        let rows = Rows::of(&inputs, &targets, true); // 5, 6, 7, and 8 after 5 and 6
        let kept = rows.kept.as_ref();
        assert_eq!(kept, Some(&Tensor::from_slice(&[1_i64, 2, 3])));
        assert_eq!(rows.targets, [(0, 7), (0, 8), (1, 1), (2, 2)]);
        let x = rows.ids.unsqueeze(1); // [rows, 1]
        let picked = picked(&x, kept);
        assert_eq!(picked, Tensor::from_slice(&[6_i64, 7, 8]).view([3, 1]));
        let back = picked_backward(&picked, kept, rows.len());
        assert_eq!(back, Tensor::from_slice(&[0_i64, 6, 7, 8]).view([4, 1]));
        assert!(Rows::of(&inputs, &targets, false).kept.is_none());
    }

    #[test]
    #[should_panic(expected = "ids must be 64-bit whole numbers")]
    fn other_numbers_are_no_ids() {
        let inputs = Tensor::from_slice(&[5_i32, 6]).view([1, 2]);
        let _ = Rows::of(&inputs, &inputs, true);
    }

    #[test]
    fn different_texts_are_computed_as_they_stand() {
        let inputs = Tensor::from_slice(&[5_i64, 6, 6, 5]).view([2, 2]);
        let rows = Rows::of(&inputs, &inputs, true);
        assert!(rows.spread.is_none());
        assert_eq!(rows.ids, inputs.reshape([-1]));
    }

    #[test]
    fn where_nothing_may_be_shared_equal_texts_and_padding_have_rows_of_their_own() {
        let inputs = Tensor::from_slice(&[5_i64, 6, 7, 5, 6, 7]).view([2, 3]);
        let targets = Tensor::from_slice(&[6_i64, 7, 8, 6, IGNORED, IGNORED]).view([2, 3]);
        let rows = Rows::of(&inputs, &targets, false);
        assert_eq!(rows.ids, inputs.reshape([-1]));
        assert!(!rows.are_spread());
        assert_eq!(rows.targets, [(0, 6), (1, 7), (2, 8), (3, 6)]);
    }
}
