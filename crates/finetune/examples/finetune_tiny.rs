//! A small model before and after a few passes over 16 embedded instructions of one kind (chapter 5.4).

use anyhow::{Context, Result};
use embedding::{bpe::BytePairEncoder, loader::Loader, support::generators::Libtorch};
use finetune::{
    collate::InstructionSet,
    instructions::{Entry, embedded},
    respond::answer,
};
use model::{config::Gpt2Config, generate::CachedModel, gpt2::Gpt2};
use tch::Device;
use train::{
    adamw::{AdamW, AdamWSettings},
    examples::Examples,
    loss::mean_loss,
    step::{Batch, train_step},
};

const KIND: &str = "sentiment";
const PASSES: usize = 14;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let entries: Vec<Entry> =
        embedded()?.into_iter().filter(|entry| entry.kind == KIND).take(17).collect();
    let (asked, training) = entries.split_first().context("no entry of this kind")?;
    let config = Gpt2Config {
        context: 96,
        channels: 64,
        heads: 2,
        layers: 2,
        hidden: 4 * 64,
        dropout: 0.0,
        tied: false,
        ..Gpt2Config::SMALL
    };
    tch::manual_seed(123);
    let model = Gpt2::new(config, Device::Cpu)?;

    let (encoder, context) = (BytePairEncoder::gpt2(), config.context as usize);
    let set = InstructionSet::new(training, encoder, context, true)?;
    let held_out = InstructionSet::new(std::slice::from_ref(asked), encoder, context, true)?;
    let batches = Loader::new(set.len(), 8, false, true)?;
    let show = |when: &str| -> Result<()> {
        let learned = mean_loss(&model, batches.pass(Libtorch).map(|items| set.batch(&items)))?;
        let new = mean_loss(&model, std::iter::once(held_out.batch(&[0])))?;
        println!(
            "{when} loss {learned:.4} on {} instructions, {new:.4} on one that is held out",
            set.len()
        );
        let answer = answer(&mut CachedModel::new(&model), encoder, asked, 16)?;
        println!("{when} it answers: {answer}");
        Ok(())
    };
    println!("held out: {} {}", asked.instruction, asked.input);
    println!("expected: {}", asked.output);
    show("before")?;
    learn(&model, &set, &batches)?;
    show("after")
}

/// Trains for all passes.
fn learn(model: &Gpt2, set: &InstructionSet, batches: &Loader) -> Result<()> {
    let mut optimizer = AdamW::new(model.parameters(), AdamWSettings::default());
    for _ in 0..PASSES {
        for items in batches.pass(Libtorch) {
            let (inputs, targets) = set.batch(&items); // [B, T], [B, T]
            let batch = Batch::new(inputs, targets);
            train_step(model, &mut optimizer, &[batch], 5e-3, f64::INFINITY)?;
        }
    }
    Ok(())
}
