//! What can be said on the command line of `finetune`, and what it means (chapter 5.7).

use clap::{Args, Parser, Subcommand};
use model::fast::{decode::Dtype, path::CodePath};
use std::path::PathBuf;
use train::{
    run::arguments::{at_least_one, positive, share, stop_text, threads},
    sampling::Sampling,
};

const EXAMPLE: &str = "\
Without a command it does the whole: load, fine-tune, answer, score, save.
Examples: cargo run -p finetune -- --weights scratch
          cargo run -p finetune -- --data instruction-data --epochs 2 --out-dir runs/answers
          cargo run -p finetune -- chat --weights runs/answers";

/// Makes a GPT-2 answer instructions, and talks to it.
#[derive(Debug, Parser)]
#[command(name = "finetune", version, after_help = EXAMPLE, allow_negative_numbers = true, max_term_width = 120)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Options {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub whole: Whole,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Continue a text
    Complete(Complete),
    /// Ask one thing after another at a prompt
    Chat(Chat),
    /// Answer every entry of a file of instructions
    Respond(Respond),
    /// Have a judge mark the answers of a file
    Score(Score),
    /// Write a model as a folder for transformers, llama.cpp and Ollama
    Export(Export),
    /// Show what a model consists of
    Info(Info),
    /// Print completions for a shell
    Completions {
        /// bash, zsh, fish, …
        shell: clap_complete::Shell,
    },
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Computation")]
pub struct Common {
    /// Every random number follows from it
    #[arg(long, value_name = "N", default_value_t = 123)]
    pub seed: u32,
    /// Threads [default: the processor's cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<i32>,
    /// cpu, cuda or mps
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Code that computes: lesson (what the chapters show) or fast [default: fast where it does the same]
    #[arg(long, value_name = "PATH")]
    pub path: Option<CodePath>,
    /// Show errors in full
    #[arg(long)]
    pub verbose: bool,
}

/// Options of the whole run.
#[derive(Debug, Clone, Args)]
pub struct Whole {
    /// gpt2, gpt2-medium, gpt2-large, gpt2-xl, a folder, or scratch [default: gpt2, else scratch]
    #[arg(help_heading = "Model and data", long, value_name = "WEIGHTS")]
    pub weights: Option<String>,
    /// embedded, instruction-data, alpaca, or a JSON file
    #[arg(help_heading = "Model and data", long, default_value = "embedded")]
    pub data: String,
    /// Take only so many entries, chosen as Python's random.sample does
    #[arg(help_heading = "Model and data", long, value_name = "N")]
    pub sample: Option<usize>,
    /// Passes over the training entries [default: 2, for scratch 14]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = at_least_one)]
    pub epochs: Option<usize>,
    /// Entries in a batch [default: 8, for scratch 16]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = at_least_one)]
    pub batch_size: Option<usize>,
    /// Highest learning rate [default: 5e-5, for scratch 2e-3]
    #[arg(help_heading = "Training", long, value_name = "RATE", value_parser = positive)]
    pub learning_rate: Option<f64>,
    /// Part of the activations dropped in training [default: 0]
    #[arg(help_heading = "Model and data", long, value_name = "X", value_parser = share)]
    pub dropout: Option<f64>,
    /// Count the loss of the answers only, not of the instructions
    #[arg(help_heading = "Training", long)]
    pub mask_prompt: bool,
    /// Steps between validations [default: 5, for scratch 100]
    #[arg(help_heading = "Training", long, value_name = "N")]
    pub eval_every: Option<usize>,
    /// Steps between checkpoints, 0 for epochs only [default: 0]
    #[arg(help_heading = "Training", long, value_name = "N")]
    pub save_every: Option<usize>,
    /// Go on with the run in DIR, or with the newest one in runs/
    #[arg(help_heading = "Training", long, value_name = "DIR", num_args = 0..=1, conflicts_with_all = ["weights", "data", "sample", "mask_prompt", "seed", "out_dir"])]
    #[expect(clippy::option_option, reason = "absent, without a folder, with one")]
    pub resume: Option<Option<PathBuf>>,
    /// The most tokens of an answer
    #[arg(help_heading = "Output", long, value_name = "N", default_value_t = 35, value_parser = at_least_one)]
    pub max_new_tokens: usize,
    /// Folder for all that is written [default: runs/finetune, runs/finetune-2, …]
    #[arg(help_heading = "Output", long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
    /// Write into a folder that holds other files already
    #[arg(help_heading = "Output", long)]
    pub force: bool,
    /// Draw the curve in the terminal at the end
    #[arg(help_heading = "Output", long)]
    pub plot: bool,
    #[command(flatten)]
    pub judge: JudgeOptions,
    #[command(flatten)]
    pub common: Common,
}

/// Which judge marks answers.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Judge")]
pub struct JudgeOptions {
    /// A server of OpenAI's dialect, which gets `OPENAI_API_KEY`, instead of Ollama (which `OLLAMA_HOST` moves)
    #[arg(long, value_name = "URL")]
    pub judge_url: Option<String>,
    /// The judge's model
    #[arg(long, value_name = "NAME", default_value = "llama3")]
    pub judge_model: String,
}

/// How text is generated.
#[derive(Debug, Clone, Args)]
pub struct Generation {
    /// gpt2, gpt2-medium, gpt2-large, gpt2-xl, or a folder
    #[arg(long, default_value = "gpt2")]
    pub weights: String,
    /// The most tokens to write
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least_one)]
    pub max_new_tokens: usize,
    /// 0 takes the most probable token each time, higher values dare more [default: complete 1, chat 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub temperature: Option<f64>,
    /// Choose among the N most probable tokens only [default: all]
    #[arg(long, value_name = "N")]
    pub top_k: Option<i64>,
    /// Choose among the most probable tokens that reach this probability together [default: 1]
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
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
    /// The text to go on from [default: standard input; without any text the model begins one]
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
    /// Keep no copy of what stands there
    #[arg(long)]
    pub force: bool,
    /// gpt2, gpt2-medium, gpt2-large, gpt2-xl, or a folder
    #[arg(long, default_value = "gpt2")]
    pub weights: String,
    /// The most tokens of an answer
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
    after_help = "Example: cargo run -p finetune -- score runs/finetune/responses.json --judge-model llama3"
)]
pub struct Score {
    /// Answers, as `respond` and a whole run write them
    pub file: PathBuf,
    /// Where each mark is written down as soon as it is given [default: scores.jsonl beside FILE]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Have each answer marked so many times
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
    after_help = "Example: cargo run -p finetune -- export --weights runs/finetune --out my-gpt2"
)]
pub struct Export {
    /// gpt2, gpt2-medium, gpt2-large, gpt2-xl, or a folder
    #[arg(long)]
    pub weights: String,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
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
    /// Show errors in full
    #[arg(long)]
    pub verbose: bool,
}
