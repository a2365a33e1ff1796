//! What the first block of GPT-2 reads: for each token its vector plus the vector of its position.

use anyhow::Result;
use embedding::bpe::BytePairEncoder;
use embedding::embed::{Embedding, InputEmbedding};
use embedding::support::show;
use embedding::support::texts::chapter_text;
use embedding::windows::Windows;
use tch::nn::{Path, VarStore};
use tch::{Device, Tensor};

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let text = chapter_text(1)?;
    println!("text {}", text.file);

    let store = VarStore::new(Device::Cpu);
    let small = seeded_tables(&(store.root() / "small"), 10, 5, 4);
    let ids = Tensor::from_slice(&[2_i64, 3, 5]).view([1, 3]); // [B, T]
    println!("tokens 2, 3, 5");
    println!("{}", show::tensor(&small.token.forward(&ids).squeeze_dim(0)));
    println!("positions 0, 1, 2");
    println!("{}", show::tensor(&small.position.weight.narrow(0, 0, 3)));
    println!("their sum");
    println!("{}", show::tensor(&small.forward(&ids, 0).squeeze_dim(0)));

    let large = seeded_tables(&(store.root() / "large"), 50257, 1024, 768);
    let windows = Windows::new(BytePairEncoder::gpt2().encode(&text.content), 1024, 2)?;
    let (inputs, _) = windows.batch(&[0, 1, 2]); // [B, T]
    let embedded = large.forward(&inputs, 0); // [B, T, C]
    println!("GPT-2's size: {:?} -> {:?}", inputs.size(), embedded.size());
    println!("{}", show::tensor(&embedded));
    Ok(())
}

/// Both tables, each drawn from seed 123, as in the two demos before this one.
fn seeded_tables(path: &Path, vocab_size: i64, context: i64, channels: i64) -> InputEmbedding {
    tch::manual_seed(123);
    let token = Embedding::new(&(path / "token"), vocab_size, channels);
    tch::manual_seed(123);
    let position = Embedding::new(&(path / "position"), context, channels);
    InputEmbedding { token, position }
}
