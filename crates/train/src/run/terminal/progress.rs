//! How far a run is, shown as a bar, as lines now and then, or as JSON.

use super::say;
use crate::metrics::Line;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// The time between two lines where there is no terminal.
const PAUSE: Duration = Duration::from_secs(10);

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
