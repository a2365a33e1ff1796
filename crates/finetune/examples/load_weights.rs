//! A miniature GPT-2 that another program wrote gives that program's logits; then the real one, where it is present (chapter 5.1).

use anyhow::Result;
use embedding::{
    bpe::BytePairEncoder,
    support::{show, texts::project_root},
};
use finetune::respond::{Limits, complete};
use model::{
    format,
    generate::{CachedModel, greedy},
};
use std::ops::ControlFlow;
use tch::{Device, Tensor};
use train::{run::hub::Hub, sampling::Sampling};

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let model = format::load(&project_root().join("data/reference/tiny-models/tied"), Device::Cpu)?;
    let config = &model.config;
    println!(
        "a miniature of {} blocks, {} channels, vocabulary {}",
        config.layers, config.channels, config.vocab_size
    );
    let ids = [3, 14, 15, 9, 2, 6];
    let logits = model.forward(&Tensor::from_slice(&ids).unsqueeze(0), false).squeeze_dim(0); // [T, V]
    println!(
        "logits after each of the ids 3 14 15 9 2 6, for the first five entries\n{}",
        show::tensor(&logits.narrow(1, 0, 5))
    );
    let written = greedy(&model, &ids, 6);
    let words: Vec<String> = written.iter().map(ToString::to_string).collect();
    println!("six greedy tokens more: {}", words.join(" "));
    real_weights()
}

/// What the genuine 124M model writes, on stderr: its text can be checked only where the weights are.
fn real_weights() -> Result<()> {
    let here = Hub { offline: true, ..Hub::from_environment() };
    let Ok(folder) = here.find("gpt2") else {
        eprintln!(
            "the public 124M weights are not on this machine; `cargo xtask fetch gpt2` brings them"
        );
        return Ok(());
    };
    let model = format::load(&folder, Device::Cpu)?;
    tch::manual_seed(123);
    let sampling = Sampling { temperature: 1.4, top_k: Some(25), top_p: None };
    let limits = Limits { max_new_tokens: 15, stop: Vec::new() };
    let encoder = BytePairEncoder::gpt2();
    let prompt = encoder.encode("at the start of");
    let go_on = |_: &str| ControlFlow::Continue(());
    let mut reader = CachedModel::new(&model);
    let text = complete(&mut reader, encoder, &prompt, &sampling, &limits, go_on)?;
    eprintln!("the public 124M weights: at the start of{text}");
    Ok(())
}
