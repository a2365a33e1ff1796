//! The plainest optimizer beside AdamW, each from the same beginning on the same batches (chapter 4.3).

use anyhow::Result;
use embedding::{
    loader::Loader,
    support::{generators::Libtorch, texts::STORY},
    windows::Windows,
};
use model::{config::Gpt2Config, gpt2::Gpt2};
use tch::Device;
use train::{
    adamw::{AdamW, AdamWSettings},
    loss::batch_loss,
};

const CONFIG: Gpt2Config = Gpt2Config {
    vocab_size: 256, // the bytes of the story
    context: 64,
    channels: 64,
    heads: 2,
    layers: 2,
    hidden: 4 * 64,
    dropout: 0.0,
    ..Gpt2Config::ARTICLE
};
const BATCH_SIZE: usize = 8;
/// The steps whose losses are printed.
const SHOWN: [usize; 4] = [1, 10, 30, 90];

fn main() -> Result<()> {
    tch::set_num_threads(1);
    println!("loss in steps 1, 10, 30 and 90");
    println!("AdamW at 0.003: {}", losses(|optimizer| optimizer.step(0.003))?);
    println!("SGD at 0.003: {}", losses(|optimizer| sgd_step(optimizer, 0.003))?);
    println!("SGD at 0.1: {}", losses(|optimizer| sgd_step(optimizer, 0.1))?);
    Ok(())
}

/// Moves every weight against its slope, and does nothing else.
fn sgd_step(optimizer: &mut AdamW, learning_rate: f64) {
    let _guard = tch::no_grad_guard();
    for (_, parameter) in &mut optimizer.parameters {
        let gradient = parameter.grad();
        let _ = parameter.g_sub_(&(gradient * learning_rate));
    }
}

/// Trains a new model and returns the losses of some steps. `step` moves the parameters once their gradients are there.
fn losses(mut step: impl FnMut(&mut AdamW)) -> Result<String> {
    tch::manual_seed(123);
    let model = Gpt2::new(CONFIG, Device::Cpu)?;
    let mut optimizer = AdamW::new(model.parameters(), AdamWSettings::default());
    let context = CONFIG.context as usize;
    let windows = Windows::new(STORY.bytes().map(i64::from).collect(), context, context)?;
    let loader = Loader::new(windows.len(), BATCH_SIZE, false, true)?;
    let mut shown = Vec::new();
    let mut batches = (0..).flat_map(|_| loader.pass(Libtorch).collect::<Vec<_>>());
    for number in 1..=SHOWN[3] {
        let batch = batches.next().expect("passes never end");
        let (inputs, targets) = windows.batch(&batch); // [B, T], [B, T]
        optimizer.zero_grad();
        let loss = batch_loss(&model, &inputs, &targets, true);
        loss.backward();
        step(&mut optimizer);
        if SHOWN.contains(&number) {
            shown.push(format!("{:.4}", loss.double_value(&[])));
        }
    }
    Ok(shown.join(" "))
}
