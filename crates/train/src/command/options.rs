//! What can be said on the command line of `train`, and what it means (chapter 4.4).

use crate::run::arguments::{
    at_least_one, not_negative, positive, precision, share, threads, whole,
};
use crate::settings::Precision;
use clap::{Parser, Subcommand};
use model::fast::path::CodePath;
use std::path::PathBuf;

const EXAMPLE: &str = "\
tales, which is taken where nothing is asked for, story and shakespeare learn a vocabulary of their own, in minutes.
Example: cargo run -p train -- --text tiny-shakespeare --epochs 2 --prompt \"To be\" --out-dir runs/bard
         cargo run -p train -- --resume runs/bard
`cargo run -p train -- completions bash` (or zsh, fish) prints what completes options, and how it is used.";
/// What a published run lays down itself.
const LAID_DOWN: [&str; 27] = [
    "no_split_documents",
    "resume",
    "init",
    "model",
    "context",
    "batch_size",
    "grad_accum",
    "max_steps",
    "learning_rate",
    "min_lr",
    "warmup_steps",
    "weight_decay",
    "grad_clip",
    "dropout",
    "eval_every",
    "eval_batches",
    "sample_every",
    "prompt",
    "save_every",
    "keep_last",
    "keep_best",
    "patience",
    "precision",
    "out_dir",
    "force",
    "plot",
    "log_json",
];

/// Trains a GPT-2 on any text and writes it, with its curves, samples and checkpoints, to a folder.
#[derive(Debug, Clone, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[command(name = "train", version, after_help = EXAMPLE, allow_negative_numbers = true, max_term_width = 120)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Options {
    #[command(subcommand)]
    pub other: Option<Other>,
    /// Files, folders of .txt files, or names of `cargo xtask fetch`; 10 % is kept for validation
    #[arg(help_heading = "Model and data", long, value_name = "FILE", num_args = 1..)]
    pub text: Vec<String>,
    /// Learn the characters `<|endoftext|>` in a text instead of ending a document there
    #[arg(help_heading = "Model and data", long, conflicts_with = "resume")]
    pub no_split_documents: bool,
    /// tales, story, shakespeare, tiny, gpt2, gpt2-medium, gpt2-large, gpt2-xl, or a config.json [default: tales, for a --text tiny]
    #[arg(help_heading = "Model and data", long)]
    pub model: Option<String>,
    /// Weights to start from: scratch, gpt2 (and so on), or a folder [default: scratch]
    #[arg(help_heading = "Model and data", long, value_name = "WEIGHTS")]
    pub init: Option<String>,
    /// Learn a vocabulary of N entries from the text [default: the model's own, else GPT-2's 50,257]
    #[arg(help_heading = "Model and data", long, value_name = "N", conflicts_with = "resume")]
    pub vocab_size: Option<usize>,
    /// Tokens the model sees at once in training [default: 128]
    #[arg(help_heading = "Model and data", long, value_name = "TOKENS", value_parser = at_least_one)]
    pub context: Option<usize>,
    /// Windows of text in a batch [default: 4]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = at_least_one)]
    pub batch_size: Option<usize>,
    /// Batches whose gradients add up to one step [default: 1]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = at_least_one)]
    pub grad_accum: Option<usize>,
    /// Passes over the text [default: 10]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = at_least_one, conflicts_with = "max_steps")]
    pub epochs: Option<usize>,
    /// Steps in total, instead of epochs
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = at_least_one)]
    pub max_steps: Option<usize>,
    /// Highest learning rate [default: 2e-3, less for small batches; for large models 4e-4, with weights 5e-5]
    #[arg(help_heading = "Training", long, value_name = "RATE", value_parser = positive)]
    pub learning_rate: Option<f64>,
    /// Learning rate at the end of its cosine [default: a tenth of the highest]
    #[arg(help_heading = "Training", long, value_name = "RATE", value_parser = not_negative)]
    pub min_lr: Option<f64>,
    /// Steps over which the learning rate rises [default: 10]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = whole)]
    pub warmup_steps: Option<usize>,
    /// AdamW's weight decay [default: 0.1]
    #[arg(help_heading = "Training", long, value_name = "X", value_parser = not_negative)]
    pub weight_decay: Option<f64>,
    /// Largest gradient norm, 0 for any [default: 1]
    #[arg(help_heading = "Training", long, value_name = "X", value_parser = not_negative)]
    pub grad_clip: Option<f64>,
    /// Share of the activations dropped in training [default: 0]
    #[arg(help_heading = "Model and data", long, value_name = "X", value_parser = share)]
    pub dropout: Option<f64>,
    /// Steps between validations, 0 for epochs only [default: 20]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = whole)]
    pub eval_every: Option<usize>,
    /// Batches in a validation, 0 for all [default: 20]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = whole)]
    pub eval_batches: Option<usize>,
    /// Steps between samples, 0 for epochs only [default: 0]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = whole)]
    pub sample_every: Option<usize>,
    /// What samples continue [default: words from the validation text]
    #[arg(help_heading = "Output", long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: Option<String>,
    /// Steps between checkpoints, 0 for epochs only [default: 0]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = whole)]
    pub save_every: Option<usize>,
    /// Checkpoints to keep [default: 2]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = at_least_one)]
    pub keep_last: Option<usize>,
    /// Keep the weights with the lowest validation loss and end with them [default: true]
    #[arg(help_heading = "Training", long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_possible_values = true)]
    pub keep_best: Option<bool>,
    /// End once N validations in a row bring no lower loss, 0 for never [default: 0]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = whole)]
    pub patience: Option<usize>,
    /// Go on with the run in DIR, or with the newest one in runs/
    #[arg(help_heading = "Training", long, value_name = "DIR", num_args = 0..=1, conflicts_with_all = ["init", "model"])]
    #[expect(clippy::option_option, reason = "absent, without a folder, with one")]
    pub resume: Option<Option<PathBuf>>,
    /// Folder for everything that is written [default: runs/train, runs/train-2, …]
    #[arg(help_heading = "Output", long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
    /// Write into a folder that holds other files already
    #[arg(help_heading = "Output", long)]
    pub force: bool,
    /// Every random number follows from it [default: 123]
    #[arg(help_heading = "Computation", long, value_name = "N")]
    pub seed: Option<u32>,
    /// Threads [default: the processor's cores]
    #[arg(help_heading = "Computation", long, value_name = "N", value_parser = threads)]
    pub threads: Option<i32>,
    /// Which code takes the steps: lesson (what the chapters show) or fast [default: fast where it does the same]
    #[arg(help_heading = "Computation", long, value_name = "PATH")]
    pub path: Option<CodePath>,
    /// Number type in which matrices are multiplied: f32, or bf16, faster where the processor has a unit for it [default: f32]
    #[arg(help_heading = "Computation", long, value_name = "TYPE", value_parser = precision(), hide_possible_values = true)]
    pub precision: Option<Precision>,
    /// cpu, cuda or mps
    #[arg(help_heading = "Computation", long, default_value = "cpu")]
    pub device: String,
    /// Repeat a published run draw by draw: book or article
    #[arg(help_heading = "Training", long, value_name = "NAME", conflicts_with_all = LAID_DOWN)]
    pub protocol: Option<String>,
    /// Leave dropout on while such a run measures, as the original of article did
    #[arg(help_heading = "Training", long, requires = "protocol", conflicts_with_all = LAID_DOWN)]
    pub eval_with_dropout: bool,
    /// Draw the curve in the terminal at the end
    #[arg(help_heading = "Output", long)]
    pub plot: bool,
    /// Print every line of the metrics as JSON
    #[arg(help_heading = "Output", long)]
    pub log_json: bool,
    /// Show errors in full
    #[arg(help_heading = "Computation", long)]
    pub verbose: bool,
}

/// What `train` does besides training.
#[derive(Debug, Clone, Subcommand)]
pub enum Other {
    /// Print completions for a shell
    #[command(hide = true)]
    Completions {
        /// bash, zsh, fish, …
        shell: clap_complete::Shell,
    },
}
