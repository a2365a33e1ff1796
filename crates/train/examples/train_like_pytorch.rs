//! Ten steps of training, each loss equal to PyTorch's (chapter 4.2).

use anyhow::Result;
use embedding::{
    bpe::BytePairEncoder,
    loader::Loader,
    support::{generators::Libtorch, texts::PROSE},
    windows::Windows,
};
use model::{config::Gpt2Config, gpt2::Gpt2};
use tch::Device;
use train::{
    adamw::{AdamW, AdamWSettings},
    step::{Batch, train_step},
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
    for (step, batch) in loader.pass(Libtorch).take(10).enumerate() {
        let (inputs, targets) = windows.batch(&batch); // [B, T], [B, T]
        let batch = Batch::new(inputs, targets);
        let measured = train_step(&model, &mut optimizer, &[batch], 4e-4, f64::INFINITY)?;
        println!("step {} loss {:.6}", step + 1, measured.loss);
    }
    Ok(())
}
