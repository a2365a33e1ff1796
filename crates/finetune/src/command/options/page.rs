//! Options of `serve` and `inspect`.

use super::Common;
use clap::Args;
use model::fast::decode::Dtype;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Example: cargo run -p finetune -- serve --weights runs/finetune\nClients of OpenAI's interface take the printed address with /v1 behind it."
)]
pub struct Serve {
    /// gpt2, gpt2-medium, gpt2-large, gpt2-xl, or a folder [default: the newest run in runs/, else gpt2]
    #[arg(long, value_name = "WEIGHTS")]
    pub weights: Option<String>,
    /// The port, or the next free one
    #[arg(long, value_name = "N", default_value_t = 8000)]
    pub port: u16,
    /// Listen at this address too, for others on your network [default: this machine only]
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<String>,
    /// Keep weights as f32, bf16 or int8: fewer bytes write faster, and nearly the same
    #[arg(long, value_name = "TYPE", default_value_t = Dtype::F32)]
    pub dtype: Dtype,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo run -p finetune -- inspect --prompt \"The rabbit slept because it was tired\" --out page.html
  cargo run -p finetune -- inspect --prompt \"The rabbit slept because it was tired\" --head 3.4 --out head.svg")]
pub struct Inspect {
    /// gpt2, gpt2-medium, gpt2-large, gpt2-xl, or a folder [default: the newest run in runs/, else gpt2]
    #[arg(long, value_name = "WEIGHTS")]
    pub weights: Option<String>,
    /// The text to look into
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: String,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Draw what this head reads as an SVG figure instead: head 4 of block 3 is 3.4
    #[arg(long, value_name = "BLOCK.HEAD", value_parser = block_and_head, conflicts_with = "lens")]
    pub head: Option<(usize, usize)>,
    /// Draw the logit lens as an SVG figure instead
    #[arg(long)]
    pub lens: bool,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub common: Common,
}

fn block_and_head(text: &str) -> Result<(usize, usize), String> {
    let numbers = text.split_once('.').map(|(block, head)| (block.parse(), head.parse()));
    match numbers {
        Some((Ok(block), Ok(head))) => Ok((block, head)),
        _ => Err("say block and head with a point between, as 3.4".to_owned()),
    }
}
