//! Ten steps of training, each loss equal to PyTorch's (chapter 4.2).

use anyhow::Result;
use embedding::{bpe::BytePairEncoder, loader::Loader, support::texts::PROSE, windows::Windows};
use model::{config::Gpt2Config, gpt2::Gpt2};
use tch::Device;
use train::{
    adamw::{AdamW, AdamWSettings},
    loss::batch_loss,
};

const CONFIG: Gpt2Config = Gpt2Config {
    context: 32,
    channels: 64,
    heads: 2,
    layers: 2,
    hidden: 4 * 64,
    dropout: 0.0,
    ..Gpt2Config::ARTICLE
};

fn main() -> Result<()> {
    tch::set_num_threads(1);
    println!("text data/prose.txt");
    let windows = Windows::new(BytePairEncoder::gpt2().encode(PROSE), 32, 32)?;
    let loader = Loader::new(windows.len(), 4, false, true)?;

    tch::manual_seed(123);
    let model = Gpt2::new(CONFIG, Device::Cpu)?;
    let mut optimizer = AdamW::new(
        model.parameters(),
        AdamWSettings { weight_decay: 0.1, ..AdamWSettings::default() },
    );
    println!("parameters {}", CONFIG.parameters());
    for (step, batch) in loader.pass().take(10).enumerate() {
        println!(
            "step {} loss {:.6}",
            step + 1,
            train_step(&model, &mut optimizer, windows.batch(&batch))
        );
    }
    Ok(())
}

/// The whole of learning: guess, compare, trace the error back, move the weights.
fn train_step(
    model: &Gpt2,
    optimizer: &mut AdamW,
    (inputs, targets): (tch::Tensor, tch::Tensor),
) -> f64 {
    optimizer.zero_grad();
    let loss = batch_loss(model, &inputs, &targets, true);
    loss.backward();
    optimizer.step(4e-4);
    loss.double_value(&[])
}
