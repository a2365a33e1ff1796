//! What holds for entries of any length: a batch loses no token that fits, and only what was asked for counts.

#[path = "../../embedding/tests/seeded/mod.rs"]
mod seeded;

use embedding::bpe::{BytePairEncoder, END_OF_TEXT};
use finetune::{
    collate::{InstructionSet, collate},
    instructions::Entry,
};
use proptest::prelude::*;
use std::slice;
use tch::Tensor;
use train::{examples::Examples, loss::IGNORED};

fn rows(tensor: &Tensor) -> Vec<Vec<i64>> {
    Vec::try_from(tensor).expect("rows of ids")
}

/// Ids of a text that ends, with how many of the first targets are left out.
fn row() -> impl Strategy<Value = (Vec<i64>, usize)> {
    (prop::collection::vec(0..END_OF_TEXT, 1..12), 0_usize..14)
        .prop_map(|(ids, ignored)| (ids.into_iter().chain([END_OF_TEXT]).collect(), ignored))
}

proptest! {
    #![proptest_config(seeded::cases(300))]

    #[test]
    fn each_row_is_its_ids_then_ends_and_its_targets_are_the_ids_one_place_later(batch in prop::collection::vec(row(), 1..6)) {
        let ids: Vec<&[i64]> = batch.iter().map(|(ids, _)| &ids[..]).collect();
        let ignored: Vec<usize> = batch.iter().map(|(_, ignored)| *ignored).collect();
        let (inputs, targets) = collate(&ids, &ignored, END_OF_TEXT);
        let longest = ids.iter().map(|ids| ids.len()).max().expect("a row");
        prop_assert_eq!(inputs.size(), [batch.len() as i64, longest as i64 - 1]);
        prop_assert_eq!(targets.size(), inputs.size());
        for ((inputs, targets), (ids, ignored)) in rows(&inputs).iter().zip(rows(&targets)).zip(&batch) {
            for (at, (&input, target)) in inputs.iter().zip(targets).enumerate() {
                prop_assert_eq!(input, *ids.get(at).unwrap_or(&END_OF_TEXT));
                let expected = if at < *ignored { IGNORED } else { *ids.get(at + 1).unwrap_or(&IGNORED) };
                prop_assert_eq!(target, expected, "at {}", at);
            }
        }
    }

    #[test]
    fn entries_of_any_length_fit_the_context_and_those_cut_are_counted(
        words in prop::collection::vec((1_usize..40, 0_usize..20), 1..5), context in 1_usize..120, mask_prompt: bool
    ) {
        let entries: Vec<Entry> = words
            .iter()
            .map(|&(asked, answered)| Entry {
                instruction: "word ".repeat(asked),
                output: "yes ".repeat(answered),
                ..Entry::default()
            })
            .collect();
        let encoder = BytePairEncoder::gpt2();
        let mut fitting = Vec::new();
        let mut cut = 0;
        for entry in &entries {
            let alone = InstructionSet::new(slice::from_ref(entry), encoder, 1000, mask_prompt).expect("room for all");
            let (inputs, targets) = alone.batch(&[0]);
            let (inputs, targets) = (rows(&inputs).remove(0), rows(&targets).remove(0));
            prop_assert_eq!(encoder.decode(&inputs).expect("known ids"), entry.prompt() + &entry.output);
            prop_assert_eq!(targets.last(), Some(&END_OF_TEXT));
            let masked = if mask_prompt { encoder.encode(&entry.prompt()).len() - 1 } else { 0 };
            prop_assert_eq!(targets.iter().position(|&target| target != IGNORED), Some(masked));
            let places = inputs.len().min(context);
            cut += usize::from(places < inputs.len());
            if targets[..places].iter().any(|&target| target != IGNORED) {
                fitting.push((inputs[..places].to_vec(), targets[..places].to_vec()));
            }
        }
        let set = InstructionSet::new(&entries, encoder, context, mask_prompt);
        prop_assert_eq!(set.is_ok(), !fitting.is_empty());
        let Ok(set) = set else { return Ok(()) };
        prop_assert_eq!((set.left_out(), set.truncated()), (entries.len() - fitting.len(), cut));
        for (number, whole) in fitting.iter().enumerate() {
            let (inputs, targets) = set.batch(&[number]);
            prop_assert_eq!(&(rows(&inputs).remove(0), rows(&targets).remove(0)), whole);
        }
    }
}
