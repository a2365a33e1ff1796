//! Options of `complete` and `chat`.

use super::Common;
use clap::Args;
use model::fast::decode::Dtype;
use train::{
    run::arguments::{any_number, at_least_one, stop_text},
    sampling::Sampling,
};

/// How text is generated.
#[derive(Debug, Clone, Args)]
pub struct Generation {
    /// gpt2, gpt2-medium, gpt2-large, gpt2-xl, or a folder [default: the newest run in runs/, else gpt2]
    #[arg(long, value_name = "WEIGHTS")]
    pub weights: Option<String>,
    /// The most tokens to write
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least_one)]
    pub max_new_tokens: usize,
    /// 0 takes the most probable token each time, higher values vary more [default: complete 1, chat 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = any_number)]
    pub temperature: Option<f64>,
    /// Choose among the N most probable tokens only [default: all]
    #[arg(long, value_name = "N")]
    pub top_k: Option<i64>,
    /// Choose among the most probable tokens that reach this probability together [default: 1]
    #[arg(long, value_name = "P", allow_negative_numbers = true, value_parser = any_number)]
    pub top_p: Option<f64>,
    /// Stop before this text; may be given several times
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, value_parser = stop_text)]
    pub stop: Vec<String>,
    /// Keep weights as f32, bf16 or int8: fewer bytes write faster, and nearly the same
    #[arg(long, value_name = "TYPE", default_value_t = Dtype::F32)]
    pub dtype: Dtype,
    #[command(flatten)]
    pub common: Common,
}

impl Generation {
    /// How tokens are chosen, where nothing is said at this temperature.
    pub fn sampling(&self, temperature: f64) -> Sampling {
        Sampling {
            temperature: self.temperature.unwrap_or(temperature),
            top_k: self.top_k,
            top_p: self.top_p,
        }
    }
}

#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Example: cargo run -p finetune -- complete --weights runs/train --prompt \"At the end of\" --top-k 25"
)]
pub struct Complete {
    /// The text to continue [default: standard input; without any text the model begins one]
    #[arg(value_name = "TEXT", conflicts_with = "prompt")]
    pub text: Option<String>,
    /// The same, which may begin with dashes
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: Option<String>,
    /// How many continuations
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub num_samples: usize,
    /// Show each continuation only when it is whole
    #[arg(long, overrides_with = "stream")]
    pub no_stream: bool,
    /// Show text as it is written (the default)
    #[arg(long, overrides_with = "no_stream")]
    pub stream: bool,
    #[command(flatten)]
    pub generation: Generation,
}

#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Example: cargo run -p finetune -- chat --weights runs/finetune"
)]
pub struct Chat {
    #[command(flatten)]
    pub generation: Generation,
}
