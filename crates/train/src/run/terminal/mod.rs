//! How a command speaks with its user (chapters 4.4 and 5.7): one sentence when something is wrong, a bar or plain lines while it
//! works, and a second thought at Ctrl-C.
//!
//! Results go to stdout, everything else to stderr.

mod device;
mod pace;
mod progress;
mod resumed;
mod sentence;
mod settings;

pub use device::{device, physical_cores};
pub use progress::{CountProgress, Progress, Shown};
pub use resumed::{is_finished, say_where, take_up};
pub use sentence::one_sentence;
pub use settings::{print_curves, print_kept, say_settings};

use anyhow::{Context, Result};
use clap::builder::styling::Styles;
use clap_complete::Shell;
use sentence::first_line;
use std::{
    io::{self, Write},
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// The exit code of a run that was interrupted and saved, as of any program ended by Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// Runs a command: what goes wrong in it, a panic too, becomes one line on stderr and exit code 1; all of it with `verbose`.
pub fn run(verbose: bool, command: impl FnOnce() -> Result<ExitCode>) -> ExitCode {
    if !verbose {
        let spoken = AtomicBool::new(false); // threads that work on the same thing fail together
        panic::set_hook(Box::new(move |info| {
            if spoken.swap(true, Ordering::SeqCst) {
                return;
            }
            let payload = info.payload();
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("the program stopped");
            if text.starts_with("failed printing to stdout") && text.contains("Broken pipe") {
                return; // as in `| head`: nobody listens any more, and nothing is wrong
            }
            say_error(&format!("{} (--verbose shows more)", first_line(text)));
        }));
    }
    match panic::catch_unwind(AssertUnwindSafe(command)) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            say_error(&if verbose { format!("{error:?}") } else { one_sentence(&error) });
            ExitCode::FAILURE
        }
        Err(_) => ExitCode::FAILURE,
    }
}

/// Writes a line to stderr, and does not mind if nobody listens any more.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Says what is wrong, with the same red word in front as clap where stderr is a terminal and `NO_COLOR` is not set.
fn say_error(sentence: &str) {
    let red = Styles::styled().get_error().to_owned();
    let _ = writeln!(anstream::stderr(), "{red}error:{red:#} {sentence}");
}

/// Becomes true at Ctrl-C or SIGTERM; a second one ends the process at once.
///
/// # Errors
/// If the operating system lets us not listen.
pub fn stop_at_signal() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        say("stopping after this step; once more stops at once, without saving");
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(stop)
}

/// Prints what makes a shell complete the options of a command.
pub fn print_completions(shell: Shell, mut command: clap::Command, name: &str) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print!("{}", String::from_utf8_lossy(&script));
    println!("{}", completions_usage(shell, name));
}

/// How a shell gets to use them, as a comment after the script: it completes a command that it finds, and not what comes after
/// `cargo run -p NAME --`.
fn completions_usage(shell: Shell, name: &str) -> String {
    let load = match shell {
        Shell::Bash => format!("source <({name} completions bash)"),
        Shell::Zsh => {
            format!("autoload -U compinit && compinit && source <({name} completions zsh)")
        }
        Shell::Fish => format!("{name} completions fish | source"),
        other => format!("load what `{name} completions {other}` prints"),
    };
    let path = match shell {
        Shell::Fish => "fish_add_path $PWD/target/debug",
        Shell::Bash | Shell::Zsh => "export PATH=\"$PWD/target/debug:$PATH\"",
        _ => "put target/debug on the path",
    };
    format!(
        "\n# To use this from the project's root, after `cargo build -p {name}`:\n\
         #   {path}\n#   {load}\n\
         # Then `{name} --<Tab>` completes all that `cargo run -p {name} --` takes, and runs the same."
    )
}
