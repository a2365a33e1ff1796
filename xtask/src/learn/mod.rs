//! `learn`: the reader writes GPT-2, and the project's own tests and demos judge it.
//!
//! | module | question it answers |
//! | --- | --- |
//! | [`exercises`] | what is there to write? |
//! | [`judge`] | which tests and demos judge it? |
//! | [`text`], [`cut`] | how is a body cut out and put back? |
//! | [`level`] | how much of it? |
//! | [`start`] | how does the reader get a workspace of their own? |
//! | [`workspace`], [`manifests`] | what is in it? |
//! | [`take_over`] | what need not be compiled again? |
//! | [`state`] | how far is the reader? |
//! | [`next`], [`task`], [`hint`], [`status`] | what is to be done, how, and what has been? |
//! | [`check`], [`watch`] | is it right? |
//! | [`before`], [`outcome`] | what can be said before that, and how does it end? |
//! | [`programs`], [`judging`] | how are judges built and run? |
//! | [`symptoms`], [`answers`], [`lists`], [`needs`] | which mistake is it, in which answer or item, and what is missing? |
//! | [`aside`] | how are our text and theirs exchanged, and nothing lost? |
//! | [`update`], [`base`], [`git`], [`repair`] | what if the project moves on, or away? |
//! | [`puzzle`] | who sees which mistake? |
//! | [`measure`] | how long does a reader wait? |
//! | [`boxes`] | what do the chapters say of it? |
//! | [`prove`] | do the judges see every known mistake? |
//!
//! Nothing is marked in the crates: functions are found by their names.

mod answers;
mod aside;
mod base;
mod before;
pub mod boxes;
mod check;
mod cut;
mod exercises;
mod git;
mod hint;
mod judge;
mod judging;
mod level;
mod lists;
mod manifests;
mod measure;
mod needs;
mod next;
mod outcome;
mod programs;
mod prove;
mod puzzle;
mod repair;
mod start;
mod state;
mod status;
mod symptoms;
pub mod take_over;
mod task;
mod text;
mod update;
mod watch;
mod workspace;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use level::Level;
use outcome::{Outcome, WrongUse, wrong_use};
use state::Reader;

/// What `learn` can be asked for.
#[derive(Subcommand)]
pub enum Command {
    /// Make a workspace of your own, with the first chapter cut out of it
    #[command(after_help = "Example: cargo xtask learn start ../my-gpt2")]
    Start {
        /// A new folder outside of the project
        #[arg(default_value = "../my-gpt2")]
        folder: PathBuf,
        /// Only the shortest way through the book
        #[arg(long)]
        spine: bool,
        /// Begin here; what comes before is given
        #[arg(long, value_name = "CHAPTER OR EXERCISE", default_value = "1")]
        from: String,
        /// How much is cut out
        #[arg(long, value_enum, default_value_t)]
        level: Level,
        /// Instead let a workspace find the project again, which has moved here
        #[arg(long, conflicts_with_all = ["spine", "from", "level"])]
        repair: bool,
    },
    /// Say what is to be written; once a chapter is done, go on to the next
    #[command(
        after_help = "Examples:\n  cargo learn next\n  cargo learn next 2.3.1 --level gentle"
    )]
    Next {
        /// An exercise, such as 2.3.1
        id: Option<String>,
        /// Cut it anew with more or less to write; without an exercise, all that you have not begun, and what comes after it
        #[arg(long, value_enum)]
        level: Option<Level>,
    },
    /// Judge what you have written
    #[command(
        after_help = "Examples:\n  cargo learn check\n  cargo learn check 2.3.1\n  cargo learn check --watch"
    )]
    Check {
        /// An exercise, if not the one at hand
        id: Option<String>,
        /// Everything that has been written
        #[arg(long, conflicts_with = "id")]
        all: bool,
        /// Again whenever you save
        #[arg(long, conflicts_with = "all")]
        watch: bool,
    },
    /// One hint more each time: where to read, the steps in words, most of the code
    #[command(after_help = "Example: cargo learn hint")]
    Hint {
        /// An exercise, if not the one at hand
        id: Option<String>,
    },
    /// Show your text beside ours, and the known mistakes
    #[command(after_help = "Example: cargo learn diff 2.3.1")]
    Diff {
        /// An exercise
        id: String,
        /// Before yours has passed, too
        #[arg(long)]
        spoil: bool,
    },
    /// Put our text in place of yours, which is kept
    #[command(after_help = "Examples:\n  cargo learn give 2.3.1\n  cargo learn give 2")]
    Give {
        /// Exercises; a chapter or a section means all that is open there
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Take your own text back
    #[command(after_help = "Example: cargo learn take 2.3.1")]
    Take {
        /// Exercises
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Say what is yours, given, and open
    #[command(after_help = "Example: cargo learn status")]
    Status,
    /// Take over what has changed in the project; your bodies stay
    #[command(after_help = "Example: cargo learn update")]
    Update,
    /// Show a known mistake, and ask which judge sees it first
    #[command(after_help = "Examples:\n  cargo learn puzzle\n  cargo learn puzzle 2.1.1")]
    Puzzle {
        /// An exercise that is done
        id: Option<String>,
    },
    /// For the project: measure the first build, and a check after a change of one line
    #[command(after_help = "Example: cargo xtask learn measure")]
    Measure,
    /// For the project: show that the judges see every known mistake
    #[command(
        after_help = "Examples:\n  cargo xtask learn prove\n  cargo xtask learn prove 2.3.1\n  cargo xtask learn prove --reader"
    )]
    Prove {
        /// A chapter, a section or an exercise
        from: Option<String>,
        /// Instead write the chapter as a reader would, in a workspace of its own; without one, the shortest way through the
        /// book, up to a model that answers
        #[arg(long)]
        reader: bool,
        /// What has changed since it was proven, and five others chosen by the commit
        #[arg(long, conflicts_with_all = ["from", "reader"])]
        changed: bool,
    },
}

/// Follows a command; without one, says what is to be done.
pub fn run(command: Option<Command>) -> Result<ExitCode> {
    let project = project();
    let code = match execute(&project, command.unwrap_or(Command::Next { id: None, level: None })) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::NotYet) => ExitCode::from(1),
        Err(error) if error.is::<WrongUse>() => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
        Err(error) => return Err(error),
    };
    Ok(code)
}

fn execute(project: &Path, command: Command) -> Result<Outcome> {
    let reader = || Reader::here(project);
    match command {
        Command::Start { folder, repair: true, .. } => repair::run(project, &folder),
        Command::Start { folder, spine, from, level, .. } => {
            start::run(project, &folder, &start::Wanted { spine, from: &from, level })
        }
        Command::Prove { changed: true, .. } => prove::changed(project, true),
        Command::Prove { from, reader: true, .. } => prove::read(project, from.as_deref()),
        Command::Prove { from, .. } => prove::run(project, from.as_deref()),
        Command::Next { id, level } => next::run(&mut reader()?, id.as_deref(), level),
        Command::Check { all: true, .. } => check::all(project),
        Command::Check { id, watch: true, .. } => watch::run(project, id.as_deref()),
        Command::Check { id, .. } => check::run(&mut reader()?, id.as_deref()),
        Command::Hint { id } => hint::run(&mut reader()?, id.as_deref()),
        Command::Diff { id, spoil } => aside::diff(&reader()?, &id, spoil),
        Command::Give { ids } => aside::give(&mut reader()?, &ids),
        Command::Take { ids } => aside::take(&mut reader()?, &ids),
        Command::Status => status::run(&reader()?),
        Command::Puzzle { id } => puzzle::run(&reader()?, id.as_deref()),
        Command::Measure => measure::run(project),
        Command::Update => update::run(&mut reader()?),
    }
}

/// What `ci` runs: proves what has changed since it was proven, and some others. It writes nothing.
pub fn prove_changed(project: &Path) -> Result<()> {
    prove::changed(project, false).map(|_| ())
}

/// The project that this program was compiled in, whatever workspace we are in.
fn project() -> PathBuf {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    if built_in.join("data/datasets.json").is_file() {
        built_in.to_path_buf()
    } else {
        xtask::project_root()
    }
}
