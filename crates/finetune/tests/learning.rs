//! Fine-tuning makes a model better at answers it has not seen.

#[path = "../../embedding/tests/public_data/mod.rs"]
mod public_data;

use embedding::bpe::BytePairEncoder;
use finetune::{
    collate::InstructionSet,
    data,
    instructions::{Entry, embedded},
    run::tasks,
};
use model::{config::Gpt2Config, gpt2::Gpt2};
use public_data::public_data;
use tch::Device;
use train::{
    adamw::{AdamW, AdamWSettings},
    examples::Examples,
    loss::{batch_loss, mean_loss},
};

/// The validation loss of a small model before and after one pass over the training entries.
fn losses(entries: &[Entry]) -> (f64, f64) {
    let split = data::split(entries).expect("three parts");
    let config = Gpt2Config {
        channels: 32,
        heads: 2,
        layers: 1,
        hidden: 4 * 32,
        dropout: 0.0,
        ..Gpt2Config::TINY
    };
    let model = Gpt2::new(config, Device::Cpu).expect("a possible model");
    model.initialize_as_gpt2();
    let set = |entries: &[Entry]| {
        InstructionSet::new(entries, BytePairEncoder::gpt2(), 128, true).expect("entries")
    };
    let (training, validation) =
        (set(&split.training).in_similar_lengths(), set(&split.validation));
    let measure = || {
        let items: Vec<usize> = (0..validation.len()).collect();
        mean_loss(&model, items.chunks(8).map(|items| validation.batch(items))).expect("a batch")
    };
    let before = measure();
    let mut optimizer = AdamW::new(model.parameters(), AdamWSettings::default());
    for items in training.pass(8).expect("batches") {
        optimizer.zero_grad();
        let (inputs, targets) = training.batch(&items);
        batch_loss(&model, &inputs, &targets, true).backward();
        optimizer.step(2e-3);
    }
    (before, measure())
}

#[test]
fn the_embedded_instructions_lower_the_loss_on_those_held_out() {
    let entries = embedded().expect("our own file");
    let (before, after) = losses(&entries[..300]);
    assert!(after < before - 1.0, "{before} before, {after} after");
}

#[test]
fn real_instruction_data_lowers_the_loss_on_those_held_out() {
    let Some(file) = public_data("instruct/instruction-data.json") else { return };
    let entries = tasks::read(&file.to_string_lossy()).expect("a file of instructions");
    assert_eq!(entries.len(), 1100);
    let (before, after) = losses(&entries[..300]);
    assert!(after < before - 1.0, "{before} before, {after} after");
}
