//! The model on paper as a GPT-2.

#[path = "../../../embedding/examples/paper/mod.rs"]
pub mod paper;

use anyhow::Result;
use model::{config::Gpt2Config, gpt2::Gpt2};

const CONFIG: Gpt2Config = Gpt2Config {
    vocab_size: 6,
    context: 5,
    channels: 4,
    heads: 2,
    layers: 1,
    hidden: 8,
    dropout: 0.0,
    qkv_bias: false,
    tied: false,
    ..Gpt2Config::SMALL
};

/// The model with the weights that were chosen by hand.
pub fn model() -> Result<Gpt2> {
    Gpt2::with_parameters(CONFIG, paper::store())
}
