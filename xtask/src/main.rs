//! `cargo xtask`: everything that is done with this project besides `cargo run`.

mod bench;
mod blocks;
mod book;
mod chapter;
mod ci;
mod compare;
mod contents;
mod curves;
mod figures;
mod files;
mod findings;
mod formulas;
mod items;
mod learn;
mod ledger;
mod lint;
mod machine;
mod markdown;
mod modules;
mod mutants;
mod outputs;
mod paths;
mod python;
mod record;
mod reference;
mod results;
mod run;
mod slices;
mod source;
mod svg;
mod table;
mod test;
mod weave;

use std::panic;
use std::path::PathBuf;
use std::process::{ExitCode, exit};

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::{doctor, fetch, setup};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
#[command(after_help = "Example: cargo xtask chapter 2")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Provide libtorch and tell cargo where it is; every command that needs it does this first
    #[command(after_help = "Example: cargo xtask setup")]
    Setup {
        /// Do it again, even if everything is in place
        #[arg(long)]
        force: bool,
    },
    /// Name what is wrong on this machine, and the command that mends it
    #[command(after_help = "Example: cargo xtask doctor")]
    Doctor,
    /// Fetch public texts, instructions and weights by name, each checked by its SHA-256
    #[command(
        after_help = "Examples:\n  cargo xtask fetch the-verdict\n  cargo xtask fetch all --from ../shared/data"
    )]
    Fetch {
        /// Names from data/datasets.json, or all
        #[arg(required = true)]
        names: Vec<String>,
        /// Take what this folder holds, known by its hash, and ask no server
        #[arg(long, value_name = "FOLDER")]
        from: Option<PathBuf>,
    },
    /// Run the demos of a chapter and compare what they print with their reference outputs
    #[command(
        after_help = "Examples:\n  cargo xtask chapter all\n  cargo xtask chapter 2 causal_mask --show"
    )]
    Chapter {
        /// 1 to 5, or all
        chapter: String,
        /// One demo of the chapter
        demo: Option<String>,
        /// Print what the demos print
        #[arg(long)]
        show: bool,
    },
    /// Run every test of the workspace
    #[command(
        after_help = "Examples:\n  cargo xtask test\n  cargo xtask test --require-data -p attention mask"
    )]
    Test {
        /// Fail where a test would skip for want of ../shared/data or of Python, but for llama.cpp's
        #[arg(long)]
        require_data: bool,
        /// Fail where a test of the server would skip for want of a browser or of a client of others
        #[arg(long)]
        require_browser: bool,
        /// Further arguments for cargo test
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run the PyTorch scripts of data/reference and write the demos' reference outputs
    #[command(
        after_help = "Examples:\n  cargo xtask reference --check\n  cargo xtask reference causal_mask"
    )]
    Reference {
        /// The script of this demo only
        demo: Option<String>,
        /// Compare with the committed outputs and write nothing
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        build: python::Build,
    },
    /// Copy code, outputs and figures into the chapters, between their markers
    #[command(after_help = "Example: cargo xtask weave --check")]
    Weave {
        /// Fail where a chapter differs from what would be written, and write nothing
        #[arg(long)]
        check: bool,
    },
    /// Check what clippy cannot know: who names whom, what is woven, how long files are, links, numbers, shapes
    #[command(after_help = "Example: cargo xtask lint")]
    Lint,
    /// Change the lesson in a copy, one thing at a time, and check that what was changed is what runs
    #[command(after_help = "Example: cargo xtask mutants")]
    Mutants,
    /// Show every number that the demos share with PyTorch, side by side
    #[command(after_help = "Examples:\n  cargo xtask ledger\n  cargo xtask ledger 2 --all")]
    Ledger {
        /// 1 to 5, or all
        #[arg(default_value = "all")]
        chapter: String,
        /// One line for each number instead of one for each demo
        #[arg(long)]
        all: bool,
    },
    /// Run what a chapter shows of a command's real runs, and write it down anew
    #[command(after_help = "Examples:\n  cargo xtask record finetune\n  cargo xtask record gpt2")]
    Record {
        /// A name of chapters/runs/recordings.toml
        name: String,
    },
    /// Measure training and generation beside PyTorch, transformers, CTranslate2 and llama.cpp
    #[command(
        after_help = "Examples:\n  cargo xtask bench train --only train-2x256\n  cargo xtask bench decode --with-llama-cpp"
    )]
    Bench(bench::Options),
    /// Build the chapters as a book into book/ and check its links, images and formulas
    #[command(after_help = "Examples:\n  cargo xtask book --open\n  cargo xtask book --learn")]
    Book {
        /// Show it in the browser
        #[arg(long)]
        open: bool,
        /// Fold the code that `cargo learn` has its readers write
        #[arg(long)]
        learn: bool,
    },
    /// Write GPT-2 yourself: a workspace of your own, with the code cut out that you write
    #[command(after_help = "Example: cargo xtask learn start ../my-gpt2")]
    Learn {
        #[command(subcommand)]
        command: Option<learn::Command>,
    },
    /// Run every check: format, clippy, tests, demos, figures, ledger, weave, lint, documentation, book
    #[command(after_help = "Example: cargo xtask ci")]
    Ci,
}

fn main() -> ExitCode {
    end_quietly_without_reader();
    match execute(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Ends the program where nobody reads on, as after `| head`, without a word and with success, as ripgrep does:
/// `println!` panics there.
fn end_quietly_without_reader() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| match panic.payload_as_str() {
        Some(text) if text.starts_with("failed printing to stdout: Broken pipe") => exit(0),
        _ => report(panic),
    }));
}

fn execute(command: Command) -> Result<ExitCode> {
    let root = xtask::project_root();
    let done = match command {
        Command::Learn { command } => return learn::run(command),
        Command::Setup { force } => setup::run(&root, force),
        Command::Doctor => doctor::run(&root),
        Command::Fetch { names, from } => fetch::run(&root, &names, from.as_deref()),
        Command::Chapter { chapter, demo, show } => {
            chapter::run(&root, &chapter, demo.as_deref(), show)
        }
        Command::Test { require_data, require_browser, arguments } => {
            test::run(&root, require_data, require_browser, &arguments)
        }
        Command::Bench(options) => bench::run(&root, &options),
        Command::Weave { check } => weave::run(&root, check),
        Command::Lint => lint::run(&root),
        Command::Ledger { chapter, all } => ledger::run(&root, &chapter, all),
        Command::Mutants => mutants::run(&root),
        Command::Record { name } => record::run(&root, &name),
        Command::Book { open, learn } => book::run(&root, open, learn),
        Command::Ci => ci::run(&root),
        Command::Reference { demo, check, build } => {
            reference::run(&root, demo.as_deref(), check, build)
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}
