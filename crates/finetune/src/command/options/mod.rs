//! What can be said on the command line of `finetune`, and what it means (chapter 5.7).

mod files;
mod generation;
mod page;
mod whole;

pub use files::{Eval, Export, Info, Respond, Score};
pub use generation::{Chat, Complete, Generation};
pub use page::{Inspect, Serve};
pub use whole::Whole;

use crate::run::judge::Judge;
use clap::{Args, Parser, Subcommand};
use model::fast::path::CodePath;
use train::run::arguments::threads;

const EXAMPLE: &str = "\
Without a command it does the whole: load, fine-tune, answer, score, save. Two ways:
  cargo run -p finetune -- --weights scratch               nothing to fetch, some minutes in all
  cargo run -p finetune -- --weights gpt2 --sample 1000    548 MB once, then 2 to 4 minutes an epoch and 2.3 GB
Talk to the result: cargo run -p finetune -- chat --weights runs/answers";

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
    /// Open a page in the browser to write with a model, look inside, compare, and watch runs
    Serve(Serve),
    /// Write what that page shows of a text as a file
    Inspect(Inspect),
    /// Answer every entry of a file of instructions
    Respond(Respond),
    /// Measure a model on a text: loss, perplexity, bits per byte
    Eval(Eval),
    /// Have a judge mark the answers of a file
    Score(Score),
    /// Write a model as a folder for transformers, llama.cpp and Ollama
    Export(Export),
    /// Show what a model consists of
    Info(Info),
    /// List the runs in runs/
    Runs {
        /// Show errors in full
        #[arg(long)]
        verbose: bool,
    },
    /// Print completions for a shell, and how they are used
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
    /// Which code computes: lesson, as in the chapters, or fast [default: fast where both agree]
    #[arg(long, value_name = "PATH")]
    pub path: Option<CodePath>,
    /// Show errors in full
    #[arg(long)]
    pub verbose: bool,
}

/// Which judge marks answers.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Judge")]
pub struct JudgeOptions {
    /// A server of OpenAI's dialect, which gets `OPENAI_API_KEY`, instead of Ollama (which `OLLAMA_HOST` moves)
    #[arg(long, value_name = "URL", value_parser = Judge::check_address)]
    pub judge_url: Option<String>,
    /// The judge's model
    #[arg(long, value_name = "NAME", default_value = "llama3")]
    pub judge_model: String,
}
