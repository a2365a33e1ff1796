//! The whole model before it has learned anything: its logits, and what it writes (chapter 3.7).

use anyhow::Result;
use embedding::{bpe::BytePairEncoder, support::show};
use model::{config::Gpt2Config, generate::greedy, gpt2::Gpt2};
use tch::{Device, Tensor};

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let _guard = tch::no_grad_guard();
    let encoder = BytePairEncoder::gpt2();
    let rows =
        ["Once upon a time there", "were four little Rabbits"].map(|text| encoder.encode(text));

    tch::manual_seed(123);
    let model = Gpt2::new(Gpt2Config::ARTICLE, Device::Cpu)?;
    let logits = model.forward(&Tensor::from_slice2(&rows), false); // [B, T, V]
    let [b, t, v] = logits.size()[..] else {
        unreachable!("a score for each entry at each position")
    };
    println!("logits with dropout off, shape {b} {t} {v}\n{}", show::tensor(&logits));

    let ids = greedy(&model, &rows[0], 6);
    println!("ids of the prompt {}", words(&ids[..rows[0].len()]));
    println!("ids that follow {}", words(&ids[rows[0].len()..]));
    println!("text\n{}", encoder.decode(&ids)?);
    Ok(())
}

fn words(ids: &[i64]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
