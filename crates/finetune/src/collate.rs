//! How tasks of different lengths become one batch (chapter 5.3).

use crate::instructions::Entry;
use anyhow::{Result, ensure};
use embedding::{bpe::BytePairEncoder, loader::Loader, support::generators::Libtorch};
use tch::Tensor;
use train::{examples::Examples, loss::IGNORED};

/// Entries as ids, ready for training.
#[derive(Debug)]
pub struct InstructionSet {
    rows: Vec<Row>,
    context: usize,
    padding: i64,
    truncated: usize,
    left_out: usize,
    similar_lengths: bool,
}

/// One entry: its ids, prompt first, and how many of the first targets count for nothing.
#[derive(Debug)]
struct Row {
    ids: Vec<i64>,
    ignored: usize,
}

impl InstructionSet {
    /// Encodes prompt and answer of each entry and ends them with the end-of-text token. What exceeds the context is cut off at the
    /// end and counted; an entry of which no target is left is left out, and counted too.
    ///
    /// With `mask_prompt` only the answer's tokens count in the loss; otherwise the prompt's do too.
    ///
    /// # Errors
    /// If there is no entry with a target.
    pub fn new(
        entries: &[Entry],
        encoder: &BytePairEncoder,
        context: usize,
        mask_prompt: bool,
    ) -> Result<Self> {
        ensure!(!entries.is_empty(), "there is no entry to learn from");
        let set = Self::of_those_that_fit(entries, encoder, context, mask_prompt);
        ensure!(
            !set.rows.is_empty(),
            "all {} entries fill the context of {context} tokens before their answers begin, so that nothing is left to learn; take a model \
             with a longer context, or shorter entries",
            entries.len()
        );
        Ok(set)
    }

    /// The same, of which nothing may be left.
    pub(crate) fn of_those_that_fit(
        entries: &[Entry],
        encoder: &BytePairEncoder,
        context: usize,
        mask_prompt: bool,
    ) -> Self {
        let mut truncated = 0;
        let rows: Vec<Row> = entries
            .iter()
            .map(|entry| {
                let prompt = entry.prompt();
                let ignored = if mask_prompt { encoder.encode(&prompt).len() - 1 } else { 0 };
                // Encoded in one piece: the token at the seam may belong to both sides.
                let mut ids = encoder.encode(&(prompt + &entry.output));
                ids.extend(encoder.end_of_text);
                // One id more than the context, since inputs leave out the last and targets the first.
                if ids.len() > context + 1 {
                    ids.truncate(context + 1);
                    truncated += 1;
                }
                Row { ids, ignored }
            })
            .filter(|row| row.ignored + 1 < row.ids.len())
            .collect();
        let left_out = entries.len() - rows.len();
        let padding = encoder.end_of_text.unwrap_or(0); // any id would do: nothing that counts reads it
        Self { rows, context, padding, truncated, left_out, similar_lengths: false }
    }

    /// Makes each pass put entries of similar length into one batch, which saves the work on padding; the batches themselves still
    /// come in random order.
    #[must_use]
    pub fn in_similar_lengths(mut self) -> Self {
        self.similar_lengths = true;
        self
    }

    /// Entries that were longer than the context.
    pub fn truncated(&self) -> usize {
        self.truncated
    }

    /// Entries whose prompts alone fill the context, so that they have no target.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Bytes of the text for each target that counts; the end of a text is a target without bytes.
    pub fn bytes_per_target(&self, encoder: &BytePairEncoder) -> f64 {
        let (mut bytes, mut targets) = (0, 0);
        for row in &self.rows {
            for &id in &row.ids[row.ignored + 1..] {
                targets += 1;
                if Some(id) != encoder.end_of_text {
                    bytes += encoder.piece(id).map_or(0, <[u8]>::len);
                }
            }
        }
        bytes as f64 / f64::from(targets)
    }

    /// The most positions a batch can have.
    pub fn context(&self) -> usize {
        self.context
    }
}

impl Examples for InstructionSet {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn batch(&self, items: &[usize]) -> (Tensor, Tensor) {
        let rows: Vec<&[i64]> = items.iter().map(|&item| &self.rows[item].ids[..]).collect();
        let ignored: Vec<usize> = items.iter().map(|&item| self.rows[item].ignored).collect();
        collate(&rows, &ignored, self.padding)
    }

    fn pass(&self, batch_size: usize) -> Result<Vec<Vec<usize>>> {
        let shuffled = Loader::new(self.len(), batch_size, true, true)?;
        if !self.similar_lengths {
            return Ok(shuffled.pass(Libtorch).collect());
        }
        let mut order: Vec<usize> = shuffled.pass(Libtorch).flatten().collect();
        order.sort_by_key(|&item| self.rows[item].ids.len()); // stable: equals stay in random order
        let batches: Vec<&[usize]> = order.chunks(batch_size).collect();
        let sequence = Loader::new(batches.len(), 1, true, true)?;
        Ok(sequence.pass(Libtorch).flatten().map(|batch| batches[batch].to_vec()).collect())
    }
}

/// Pads sequences that end with the end-of-text token to the longest of them, and shifts the targets by one.
///
/// `padding` is the end-of-text token, too. As a target only the first of these counts, so that the model learns to stop; the rest is
/// [`IGNORED`], as are the first `ignored` targets of each row.
///
/// # Shapes
/// - `rows`: `B` sequences of at least two ids
/// - returns inputs and targets, both `[B, T]` with `T` one less than the longest
///
/// # Panics
/// If there is no row, or one of fewer than two ids.
pub fn collate(rows: &[&[i64]], ignored: &[usize], padding: i64) -> (Tensor, Tensor) {
    let t = rows.iter().map(|row| row.len()).max().expect("at least one row") - 1;
    let (mut inputs, mut targets) = (Vec::<i64>::new(), Vec::<i64>::new());
    for (row, &ignored) in rows.iter().zip(ignored) {
        assert!(row.len() >= 2, "a row of {} ids has no target", row.len());
        let counting = row.len() - 1;
        inputs.extend(row.iter().chain(std::iter::repeat(&padding)).take(t));
        targets.extend(
            (0..t).map(|at| if at < ignored || at >= counting { IGNORED } else { row[at + 1] }),
        );
    }
    let shape = [rows.len() as i64, t as i64];
    (Tensor::from_slice(&inputs).view(shape), Tensor::from_slice(&targets).view(shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    use embedding::bpe::END_OF_TEXT;

    const END: i64 = END_OF_TEXT;

    fn rows(tensor: &Tensor) -> Vec<Vec<i64>> {
        Vec::try_from(tensor).expect("a rank-2 tensor of ids")
    }

    #[test]
    fn rows_are_padded_and_only_the_first_end_counts_as_a_target() {
        let (inputs, targets) =
            collate(&[&[0, 1, 2, 3, 4, END], &[5, 6, END], &[7, 8, 9, END]], &[0, 0, 0], END);
        assert_eq!(rows(&inputs), [[0, 1, 2, 3, 4], [5, 6, END, END, END], [7, 8, 9, END, END]]);
        assert_eq!(
            rows(&targets),
            [[1, 2, 3, 4, END], [6, END, IGNORED, IGNORED, IGNORED], [8, 9, END, IGNORED, IGNORED]]
        );
    }

    #[test]
    fn the_prompt_can_be_left_out_of_the_loss() {
        let (_, targets) = collate(&[&[0, 1, 2, 3, END]], &[2], END);
        assert_eq!(rows(&targets), [[IGNORED, IGNORED, 3, END]]);
    }

    #[test]
    fn the_answer_and_its_end_are_what_counts() {
        let entry =
            Entry { instruction: "Say yes.".into(), output: "yes".into(), ..Entry::default() };
        let encoder = BytePairEncoder::gpt2();
        let targets = |mask_prompt| {
            let set = InstructionSet::new(std::slice::from_ref(&entry), encoder, 99, mask_prompt);
            rows(&set.expect("an entry").batch(&[0]).1).concat()
        };
        let whole = encoder.encode(&(entry.prompt() + "yes"));
        assert_eq!(targets(false), [&whole[1..], &[END]].concat());
        let ignored = vec![IGNORED; encoder.encode(&entry.prompt()).len() - 1];
        assert_eq!(targets(true), [&ignored[..], &encoder.encode("yes"), &[END]].concat());
    }

    #[test]
    fn an_entry_longer_than_the_context_is_cut_and_counted() {
        let entry = |words: usize| Entry {
            instruction: "word ".repeat(words),
            input: String::new(),
            output: "yes".into(),
            kind: String::new(),
        };
        let set = InstructionSet::new(&[entry(200), entry(1)], BytePairEncoder::gpt2(), 64, false)
            .expect("entries");
        assert_eq!((set.truncated(), set.batch(&[0]).0.size()), (1, vec![1, 64]));
    }

    #[test]
    fn an_entry_whose_prompt_fills_the_context_is_left_out_and_counted_and_with_nothing_left_refused()
     {
        let entry = |words: usize| Entry {
            instruction: "word ".repeat(words),
            output: "yes".into(),
            ..Entry::default()
        };
        let set = InstructionSet::new(&[entry(200), entry(1)], BytePairEncoder::gpt2(), 64, true)
            .expect("one that fits");
        assert_eq!((set.len(), set.left_out(), set.truncated()), (1, 1, 1));
        let said = InstructionSet::new(&[entry(200), entry(99)], BytePairEncoder::gpt2(), 64, true)
            .expect_err("none fits");
        assert!(
            said.to_string().starts_with("all 2 entries fill the context of 64 tokens"),
            "{said}"
        );
        let whole = InstructionSet::new(&[entry(200)], BytePairEncoder::gpt2(), 64, false)
            .expect("the prompt counts");
        assert_eq!((whole.len(), whole.left_out()), (1, 0));
    }

    #[test]
    fn batches_of_similar_length_hold_every_entry_once() {
        let entries: Vec<Entry> = (0..12)
            .map(|i| Entry {
                instruction: "word ".repeat(1 + i * 7 % 12),
                input: String::new(),
                output: "yes".into(),
                kind: String::new(),
            })
            .collect();
        let set = InstructionSet::new(&entries, BytePairEncoder::gpt2(), 64, true)
            .expect("entries")
            .in_similar_lengths();
        tch::manual_seed(1);
        let batches = set.pass(4).expect("batches");
        let mut all = batches.concat();
        all.sort_unstable();
        assert_eq!(all, (0..12).collect::<Vec<_>>());
        for batch in batches {
            let lengths: Vec<usize> = batch.iter().map(|&item| set.rows[item].ids.len()).collect();
            assert!(
                lengths.iter().max().expect("a batch") - lengths.iter().min().expect("a batch")
                    <= 3
            );
        }
    }
}
