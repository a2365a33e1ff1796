//! How a command speaks with its user (chapters 4.4 and 5.7): one sentence when something is wrong, a bar or plain lines while it
//! works, and a second thought at Ctrl-C.
//!
//! Results go to stdout, everything else to stderr. Nothing here uses colors, so that `NO_COLOR` has nothing to switch off.

use crate::{
    checkpoint::Loaded, metrics::Line, run::plot::Curves, settings::TrainSettings, trainer::Trainer,
};
use ::console::Term;
use anyhow::{Context, Error, Result, bail, ensure};
use clap_complete::Shell;
use embedding::fast::FastEncoder;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::{
    collections::HashSet,
    fs,
    io::{self, IsTerminal, Write},
    panic::{self, AssertUnwindSafe},
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tch::{Cuda, Device};

/// The exit code of a run that was interrupted and saved, as of any program ended by Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// The time between two lines where there is no terminal.
const PAUSE: Duration = Duration::from_secs(10);

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
            say(&format!("error: {} (--verbose shows more)", first_line(text)));
        }));
    }
    match panic::catch_unwind(AssertUnwindSafe(command)) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            say(&if verbose {
                format!("error: {error:?}")
            } else {
                format!("error: {}", one_sentence(&error))
            });
            ExitCode::FAILURE
        }
        Err(_) => ExitCode::FAILURE,
    }
}

/// Writes a line to stderr, and does not mind if nobody listens any more.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Says so where prompts have more tokens than the `context` that the model sees at once.
pub fn warn_of_long_prompts(prompts: impl IntoIterator<Item = impl AsRef<str>>, context: i64) {
    if let Some(warning) = too_long(prompts, context) {
        say(&warning);
    }
}

fn too_long(prompts: impl IntoIterator<Item = impl AsRef<str>>, context: i64) -> Option<String> {
    let encoder = FastEncoder::gpt2();
    let lengths: Vec<usize> =
        prompts.into_iter().map(|prompt| encoder.encode(prompt.as_ref()).len()).collect();
    let long = lengths.iter().filter(|&&tokens| tokens as i64 > context);
    let who = match lengths.len() {
        1 => "the prompt has".to_owned(),
        all => format!("some prompts ({} of {all}) have up to", long.clone().count()),
    };
    let most = long.max()?;
    Some(format!("{who} {most} tokens, the model sees {context}: it reads only the last ones"))
}

/// An error and its causes on one line. Of libtorch's messages only the first line is kept; the rest is a C++ trace.
pub fn one_sentence(error: &Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain() {
        let cause = first_line(&cause.to_string());
        if sentence.contains(&cause) {
            continue;
        }
        if !sentence.is_empty() {
            sentence.push_str(": ");
        }
        sentence.push_str(&cause);
    }
    sentence
}

fn first_line(text: &str) -> String {
    // tch's operators panic with the debug form of libtorch's message, in which line breaks are written as \n.
    let text = text.split_once("Torch(\"").map_or(text, |(_, message)| message);
    let line = text.split('\n').next().unwrap_or(text);
    let line = line.split("\\n").next().unwrap_or(line).trim_end_matches("\")").trim();
    out_of_memory(line).unwrap_or_else(|| line.to_owned())
}

/// What libtorch says when the system gives it no more memory, in words for those who can change it.
fn out_of_memory(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("can't allocate memory: you tried to allocate ")?;
    let bytes: f64 = rest.split(' ').next()?.parse().ok()?;
    let (number, unit) = if bytes < 1e9 { (bytes / 1e6, "MB") } else { (bytes / 1e9, "GB") };
    Some(format!(
        "there is no memory for {number:.1} {unit} more; take a smaller batch, context or model"
    ))
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

/// The device of that name.
///
/// # Errors
/// If it is unknown or not there: computing elsewhere in silence would be no help.
pub fn device(name: &str) -> Result<Device> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "cuda" => {
            ensure!(
                Cuda::is_available(),
                "there is no CUDA device that this libtorch can use; take --device cpu"
            );
            Ok(Device::Cuda(0))
        }
        "mps" => {
            ensure!(
                tch::utils::has_mps(),
                "there is no MPS device that this libtorch can use; take --device cpu"
            );
            Ok(Device::Mps)
        }
        other => bail!("the device {other:?} is unknown; there are cpu, cuda and mps"),
    }
}

/// The processor's cores, counted without the second threads of each, which only get in each other's way in matrix products.
pub fn physical_cores() -> i32 {
    let allowed = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let siblings = |cpu: usize| {
        fs::read_to_string(format!(
            "/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
        ))
        .ok()
    };
    let cores: HashSet<String> = (0..4096).map_while(siblings).collect();
    (if cores.is_empty() { allowed } else { cores.len().min(allowed) }) as i32
}

/// Takes up a run where its checkpoint left it: with as many threads as then if no number is asked for, and a warning for each thing
/// that is not as it was.
pub fn take_up(loaded: &Loaded, threads: Option<i32>) {
    let threads = threads.unwrap_or(loaded.state.threads);
    tch::set_num_threads(threads);
    for warning in loaded.warnings(threads) {
        say(&format!("warning: {warning}"));
    }
}

/// Shows how a run goes: a bar where stderr is a terminal, else a line now and then; or every line as JSON on stdout.
pub struct Progress {
    bar: Option<ProgressBar>,
    json: bool,
    total_steps: usize,
    spoke: Instant,
}

impl Progress {
    /// Starts to watch a run that has `done` of `total_steps` behind it.
    pub fn new(done: usize, total_steps: usize, json: bool) -> Self {
        let bar = if json {
            None
        } else {
            bar(done, total_steps, "step {pos} of {len} [{wide_bar}] {msg}, {eta} left")
        };
        Self { bar, json, total_steps, spoke: Instant::now() }
    }

    /// Shows a line of the metrics.
    pub fn show(&mut self, line: &Line) {
        if self.json {
            if let Ok(text) = serde_json::to_string(line) {
                let _ = writeln!(io::stdout(), "{text}");
            }
            return;
        }
        match line {
            Line::Step(step) => {
                let message = format!("loss {:.3}, {:.0} tokens/s", step.loss, step.tokens_per_s);
                if let Some(bar) = &self.bar {
                    bar.set_position(step.step as u64);
                    bar.set_message(message);
                } else if self.spoke.elapsed() >= PAUSE {
                    self.print(&format!("step {} of {}: {message}", step.step, self.total_steps));
                }
            }
            Line::Validation(measured) => self.print(&format!(
                "step {}, epoch {:.1}: validation loss {:.3}",
                measured.step, measured.epoch, measured.validation_loss
            )),
            Line::Sample(sample) => {
                self.print(&format!("step {}: {}", sample.step, sample.sample.replace('\n', " ")));
            }
        }
    }

    fn print(&mut self, line: &str) {
        self.spoke = Instant::now();
        match &self.bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Shows how many answers are there already, in the same way.
pub struct AnswerProgress {
    bar: Option<ProgressBar>,
    done: usize,
    total: usize,
    spoke: Instant,
}

impl AnswerProgress {
    /// Starts to watch `total` answers being given.
    pub fn new(total: usize) -> Self {
        let bar = bar(0, total, "answer {pos} of {len} [{wide_bar}] {eta} left");
        Self { bar, done: 0, total, spoke: Instant::now() }
    }

    /// Counts one more.
    pub fn add(&mut self) {
        self.done += 1;
        if let Some(bar) = &self.bar {
            bar.set_position(self.done as u64);
        } else if self.spoke.elapsed() >= PAUSE {
            self.spoke = Instant::now();
            say(&format!("{} of {} answered", self.done, self.total));
        }
    }
}

impl Drop for AnswerProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A bar with that far behind it, where stderr is a terminal; it takes the room that the words leave, and never more than a line.
fn bar(done: usize, total: usize, template: &str) -> Option<ProgressBar> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_position(done as u64);
    bar.reset_eta();
    Some(bar)
}

/// Prints what makes a shell complete the options of a command.
pub fn print_completions(shell: Shell, mut command: clap::Command, name: &str) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print!("{}", String::from_utf8_lossy(&script));
}

/// Columns of a terminal; many where there is none, since nothing breaks lines there.
fn columns(terminal: &Term) -> usize {
    if terminal.is_term() { usize::from(terminal.size().1) } else { 120 }
}

/// Prints a run's curves, as wide as the terminal allows.
///
/// # Errors
/// If there is no step to draw.
pub fn print_curves(history: &[Line]) -> Result<()> {
    let width = columns(&Term::stdout()).saturating_sub(8).clamp(16, 64); // beside the labels
    println!("\n{}", Curves::from_history(history).in_characters(width, 14)?.trim_end());
    Ok(())
}

/// Prints settings, four on a line or as many as there is room for.
pub fn say_settings(settings: &[(String, Value)]) {
    let room = columns(&Term::stderr()).saturating_sub(16) / 24;
    for line in settings.chunks(room.clamp(1, 4)) {
        let shown = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
        let word =
            |(name, value): &(String, Value)| format!("{:<24}", format!("{name} {}", shown(value)));
        let words: Vec<String> = line.iter().map(word).collect();
        say(&format!("settings        {}", words.concat().trim_end()));
    }
}

/// Whether a resumed run has nothing left to do, which is said: all its steps are taken, and these files written.
pub fn is_finished(trainer: &Trainer, run: &Path, files: &[&str]) -> bool {
    let (done, total) = (trainer.progress.step, trainer.course.schedule.total_steps);
    let written = files.iter().all(|file| run.join(file).is_file());
    if done > total {
        say(&format!("{done} steps are done already, and {total} asked for; nothing is changed"));
    } else if done == total && written {
        let run = run.display();
        say(&format!(
            "the run in {run} is finished: all {total} steps are done; with more --epochs or steps it goes on"
        ));
    }
    done > total || done == total && written
}

/// Prints where a resumed run goes on, and where its learning rate does, if that is elsewhere than under the settings of `before`.
pub fn say_where(trainer: &Trainer, before: &TrainSettings) {
    let (done, total) = (trainer.progress.step, trainer.course.schedule.total_steps);
    say(&if done < total {
        format!("going on after step {done} of {total}")
    } else {
        format!("all {total} steps are done, and the model is to be written")
    });
    let planned = before.total_steps(trainer.course.steps_per_epoch);
    let (expected, next) = (before.schedule(planned).at(done), trainer.course.schedule.at(done));
    if done > 0 && done < total && (next - expected).abs() > 0.05 * expected {
        let last = before.schedule(planned).at(done - 1);
        say(&format!(
            "warning: the learning rate was {last:.2e} at step {done} and is {next:.2e} at the next, as its curve now ends at step {total} \
             instead of {planned}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_errors_becomes_one_sentence_without_a_trace() {
        let error = Error::msg(
            "index out of range in self\nException raised from apply at x.cpp:1\nframe #0: f",
        )
        .context("cannot read the batch");
        assert_eq!(one_sentence(&error), "cannot read the batch: index out of range in self");
    }

    #[test]
    fn the_message_of_a_panic_in_libtorch_is_cut_to_its_first_line() {
        let text = r#"called `Result::unwrap()` on an `Err` value: Torch("shape '[3]' is invalid\nException raised")"#;
        assert_eq!(first_line(text), "shape '[3]' is invalid");
    }

    #[test]
    fn memory_that_is_not_there_is_told_in_words() {
        let text = r#"called `Result::unwrap()` on an `Err` value: Torch("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 41006495552 bytes. Error code 12 (Cannot allocate memory)\nframe #0")"#;
        assert_eq!(
            first_line(text),
            "there is no memory for 41.0 GB more; take a smaller batch, context or model"
        );
    }

    #[test]
    fn prompts_longer_than_the_context_are_told_with_their_length() {
        let (short, long) = ("one two", "one two three four");
        let end = "tokens, the model sees 3: it reads only the last ones";
        assert_eq!(too_long([long], 3), Some(format!("the prompt has 4 {end}")));
        assert_eq!(
            too_long([short, long, "a b c d e"], 3),
            Some(format!("some prompts (2 of 3) have up to 5 {end}"))
        );
        assert_eq!(too_long([short, "one two three"], 3), None);
    }

    #[test]
    fn an_unknown_device_is_refused_by_name() {
        let said = device("tpu").expect_err("no such device").to_string();
        assert!(said.starts_with("the device \"tpu\" is unknown"), "{said}");
    }
}
