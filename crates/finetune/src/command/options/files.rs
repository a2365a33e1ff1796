//! Options of the commands that read and write files: `respond`, `eval`, `score`, `export` and `info`.

use super::{Common, JudgeOptions};
use clap::Args;
use model::{fast::decode::Dtype, format::gguf::NumberType};
use std::path::PathBuf;
use train::run::arguments::at_least_one;

#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Example: cargo run -p finetune -- respond tasks.json --weights runs/finetune --out answers.json"
)]
pub struct Respond {
    /// JSON or JSONL with `instruction`, and `input` and `output` where there are any
    pub file: PathBuf,
    /// Where the answers go, all keys of FILE with them [default: responses.json]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Keep no copy of what is there
    #[arg(long)]
    pub force: bool,
    /// gpt2, gpt2-medium, gpt2-large, gpt2-xl, or a folder [default: the newest run in runs/, else gpt2]
    #[arg(long, value_name = "WEIGHTS")]
    pub weights: Option<String>,
    /// The most tokens that an answer may have
    #[arg(long, value_name = "N", default_value_t = 35, value_parser = at_least_one)]
    pub max_new_tokens: usize,
    /// Keep weights as f32, bf16 or int8: fewer bytes write faster, and nearly the same
    #[arg(long, value_name = "TYPE", default_value_t = Dtype::F32)]
    pub dtype: Dtype,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Example: cargo run -p finetune -- eval data/prose.txt --weights runs/train"
)]
pub struct Eval {
    /// A file, or the name of a dataset that is one file
    pub text: String,
    /// gpt2, gpt2-medium, gpt2-large, gpt2-xl, or a folder [default: the newest run in runs/, else gpt2]
    #[arg(long, value_name = "WEIGHTS")]
    pub weights: Option<String>,
    /// Tokens by which the window moves over the text; fewer are more exact and take longer [default: half the context]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub stride: Option<usize>,
    /// Measure with weights as bf16 or int8 too, token by token as they are written, and say what that changes
    #[arg(long, value_name = "TYPE", default_value_t = Dtype::F32)]
    pub dtype: Dtype,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Example: cargo run -p finetune -- score runs/finetune/responses.json --judge-model llama3"
)]
pub struct Score {
    /// Answers, as `respond` and a whole run write them
    pub file: PathBuf,
    /// Where each mark is written as soon as it is given [default: scores.jsonl beside FILE]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Have each answer marked this many times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub repeat: usize,
    #[command(flatten)]
    pub judge: JudgeOptions,
    /// Show errors in full
    #[arg(long)]
    pub verbose: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: cargo run -p finetune -- export --weights runs/finetune --out my-gpt2 --gguf f16"
)]
pub struct Export {
    /// gpt2, gpt2-medium, gpt2-large, gpt2-xl, or a folder
    #[arg(long)]
    pub weights: String,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Add the single file that llama.cpp and Ollama read, with weights as `f32`, `f16` or `q8_0`
    #[arg(long, value_name = "TYPE")]
    pub gguf: Option<NumberType>,
    /// Write into a folder that is not empty
    #[arg(long)]
    pub force: bool,
    /// Show errors in full
    #[arg(long)]
    pub verbose: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: cargo run -p finetune -- info runs/finetune")]
pub struct Info {
    /// gpt2, gpt2-medium, gpt2-large, gpt2-xl, a folder, or a weight file
    pub weights: String,
    /// A second run, whose report card is shown beside the first one's
    pub other: Option<String>,
    /// Show errors in full
    #[arg(long)]
    pub verbose: bool,
}
