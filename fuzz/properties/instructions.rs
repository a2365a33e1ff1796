//! No file of instructions does more than to be refused; one that is taken can be split, learned from, and written again.

use embedding::bpe::BytePairEncoder;
use finetune::{collate::InstructionSet, data, instructions::Entry, run::tasks};
use std::fs;
use train::{examples::Examples, loss::IGNORED};

/// Tokens that a row may have: few, so that long entries are cut.
const CONTEXT: usize = 32;

/// Holds for any bytes, taken as a file of instructions.
pub fn holds(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("instructions.json");
    fs::write(&path, bytes).expect("room on the disk");
    let Ok(entries) = tasks::load(&path) else { return };
    assert!(!entries.is_empty());
    assert!(entries.iter().all(|entry| !entry.instruction.trim().is_empty()));
    let written = serde_json::to_string(&entries).expect("texts are JSON");
    assert_eq!(tasks::parse(&written).expect("its own form"), entries);
    if let Ok(split) = data::split(&entries) {
        assert_eq!(split.training.len() + split.test.len() + split.validation.len(), entries.len());
    }
    for mask_prompt in [false, true] {
        learnable(&entries, mask_prompt);
    }
}

/// A batch of all entries is within the context, and its targets are its inputs, one place later.
fn learnable(entries: &[Entry], mask_prompt: bool) {
    // Of an entry whose question fills the context no target is left; with no other there is nothing to learn.
    let Ok(set) = InstructionSet::new(entries, BytePairEncoder::gpt2(), CONTEXT, mask_prompt)
    else {
        return;
    };
    let (inputs, targets) = set.batch(&(0..set.len()).collect::<Vec<_>>());
    let rows = |tensor: tch::Tensor| Vec::<Vec<i64>>::try_from(tensor).expect("rows of ids");
    let (inputs, targets) = (rows(inputs), rows(targets));
    assert_eq!(inputs.len() + set.left_out(), entries.len());
    for (inputs, targets) in inputs.iter().zip(&targets) {
        assert!(inputs.len() == targets.len() && (1..=CONTEXT).contains(&inputs.len()));
        for (later, target) in inputs[1..].iter().zip(targets) {
            assert!(*target == IGNORED || target == later, "{target} is not {later}");
        }
    }
}
