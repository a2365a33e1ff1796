//! How far a run is, shown as a bar, as lines now and then, or as JSON.

use super::{
    pace::{Estimate, Pace},
    say,
};
use crate::{
    metrics::{Line, Step},
    run::card::{epochs, loss_words},
};
use ::console::Term;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// The time between two lines where there is no terminal.
const PAUSE: Duration = Duration::from_secs(10);
/// Columns below which a bar would leave no room for words.
const NARROW: usize = 72;

/// What a user is shown of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Everything: a bar where stderr is a terminal, else a line now and then.
    All,
    /// The same but for the last sample, which the report has.
    UntilReport,
    /// Every line as JSON on stdout.
    Json,
}

/// Shows how a run goes.
pub struct Progress {
    bar: Option<ProgressBar>,
    shown: Shown,
    total_steps: usize,
    begun: Instant,
    spoke: Instant,
    pace: Pace,
    estimate: Estimate,
    advice: Option<Box<dyn Fn() -> Option<String>>>,
}

impl Progress {
    /// Starts to watch a run that has `done` of `total_steps` behind it. `shorter` is the option that makes a new run shorter, if there
    /// is one, with the steps of one of its units.
    pub fn new(
        done: usize,
        total_steps: usize,
        shown: Shown,
        shorter: Option<(&'static str, f64)>,
    ) -> Self {
        let bar = match shown {
            Shown::Json => None,
            _ => bar(done, total_steps, "step {pos} of {len}", ", "),
        };
        let estimate = Estimate { done, total_steps, shorter, told: false };
        let (begun, pace) = (Instant::now(), Pace::default());
        Self { bar, shown, total_steps, begun, spoke: begun, pace, estimate, advice: None }
    }

    /// Takes a line along, if there is one when it is asked for, for whoever has long to wait.
    pub fn advise(&mut self, advice: impl Fn() -> Option<String> + 'static) {
        self.advice = Some(Box::new(advice));
    }

    /// Shows a line of the metrics.
    pub fn show(&mut self, line: &Line) {
        if self.shown == Shown::Json {
            if let Ok(text) = serde_json::to_string(line) {
                let _ = writeln!(io::stdout(), "{text}");
            }
            return;
        }
        match line {
            Line::Step(step) => self.show_step(step),
            Line::Validation(measured) => {
                let (step, epoch) = (measured.step, epochs(measured.epoch));
                let loss = loss_words(measured.validation_loss, measured.bits_per_byte);
                self.print(&format!("step {step}, epoch {epoch}: validation loss {loss}"));
            }
            Line::Sample(sample) if self.shown == Shown::All || sample.step < self.total_steps => {
                self.print(&format!("step {}: {}", sample.step, sample.sample.replace('\n', " ")));
            }
            Line::Sample(_) => {}
        }
    }

    fn show_step(&mut self, step: &Step) {
        let rate = self.pace.add(step);
        if let Some(estimate) = self.estimate.after(step.step, self.begun.elapsed()) {
            self.print(&estimate);
            if let Some(advice) = self.advice.as_ref().and_then(|advice| advice()) {
                self.print(&advice);
            }
        }
        let loss = format!("loss {:.3}", step.loss);
        let message = if is_narrow() { loss } else { format!("{loss}, {rate:.0} tokens/s") };
        if let Some(bar) = &self.bar {
            bar.set_position(step.step as u64);
            bar.set_message(message);
        } else if self.spoke.elapsed() >= PAUSE {
            self.print(&format!("step {} of {}: {message}", step.step, self.total_steps));
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
pub struct CountProgress {
    what: &'static str,
    bar: Option<ProgressBar>,
    done: usize,
    total: usize,
    spoke: Instant,
}

impl CountProgress {
    /// Starts to watch `total` things being done, each called `what`.
    pub fn new(what: &'static str, total: usize) -> Self {
        let bar = bar(0, total, &format!("{what} {{pos}} of {{len}}"), "");
        Self { what, bar, done: 0, total, spoke: Instant::now() }
    }

    /// Counts one more.
    pub fn add(&mut self) {
        self.done += 1;
        if let Some(bar) = &self.bar {
            bar.set_position(self.done as u64);
        } else if self.spoke.elapsed() >= PAUSE {
            self.spoke = Instant::now();
            say(&format!("{} of {} {}s are done", self.done, self.total, self.what));
        }
    }
}

impl Drop for CountProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Whether stderr is a terminal in which words and a bar have no room side by side.
fn is_narrow() -> bool {
    let terminal = Term::stderr();
    terminal.is_term() && usize::from(terminal.size().1) < NARROW
}

/// A bar with that far behind it, where stderr is a terminal; it takes the room that the words leave, and never more than a line.
/// `between` comes before the time that is left.
fn bar(done: usize, total: usize, counted: &str, between: &'static str) -> Option<ProgressBar> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
    let middle = if is_narrow() { "" } else { "[{wide_bar}] " };
    if let Ok(style) = ProgressStyle::with_template(&format!("{counted} {middle}{{msg}}{{left}}")) {
        let left = move |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            // Before the first step nothing is known, and indicatif would say 0 seconds.
            if state.pos() > done as u64 {
                let _ = write!(text, "{between}{:#} left", HumanDuration(state.eta()));
            }
        };
        bar.set_style(style.with_key("left", left).progress_chars("=> "));
    }
    bar.set_position(done as u64);
    bar.reset_eta();
    Some(bar)
}
