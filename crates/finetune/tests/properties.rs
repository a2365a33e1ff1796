//! What holds for entries of any length: a batch loses no token that fits, and only what was asked for counts.

use embedding::bpe::{BytePairEncoder, END_OF_TEXT};
use finetune::{
    collate::{InstructionSet, collate},
    instructions::Entry,
};
use proptest::prelude::*;
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
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

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
        let set = InstructionSet::new(&entries, encoder, context, mask_prompt);
        let fits = |entry: &&Entry| !mask_prompt || encoder.encode(&entry.prompt()).len() <= context;
        let fitting: Vec<&Entry> = entries.iter().filter(fits).collect();
        prop_assert_eq!(set.is_ok(), !fitting.is_empty());
        let Ok(set) = set else { return Ok(()) };
        prop_assert_eq!(set.left_out(), entries.len() - fitting.len());
        let mut cut = entries.len() - fitting.len();
        for (number, entry) in fitting.into_iter().enumerate() {
            let mut whole = encoder.encode(&(entry.prompt() + &entry.output));
            whole.push(END_OF_TEXT);
            cut += usize::from(whole.len() > context + 1);
            let prompt = encoder.encode(&entry.prompt()).len();
            let (inputs, targets) = set.batch(&[number]);
            let (inputs, targets) = (&rows(&inputs)[0], &rows(&targets)[0]);
            prop_assert_eq!(&inputs[..], &whole[..(whole.len() - 1).min(context)]);
            for (at, &target) in targets.iter().enumerate() {
                let counts = !mask_prompt || at + 1 >= prompt;
                prop_assert_eq!(target, if counts { whole[at + 1] } else { IGNORED }, "at {}", at);
            }
        }
        prop_assert_eq!(set.truncated(), cut);
    }
}
