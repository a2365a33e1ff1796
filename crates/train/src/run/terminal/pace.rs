//! How fast a run goes, and how long it will take.

use crate::{metrics::Step, run::card::grouped};
use std::time::Duration;

/// What a step still counts once the next is taken.
const MEMORY: f64 = 0.9;
/// So many steps tell how long the others will take.
const ENOUGH: usize = 10;
/// Seconds of waiting that are worth a word, and those that somebody who tries a thing has.
const LONG_S: f64 = 60.0;
const TRIAL_S: f64 = 120.0;

/// Tokens in a second, as a moving average: a step counts for a tenth, the one before for nine tenths of that, and so on.
#[derive(Debug, Default)]
pub struct Pace {
    seen: u64,
    tokens: f64,
    seconds: f64,
}

impl Pace {
    /// Adds a step and returns the average.
    pub fn add(&mut self, step: &Step) -> f64 {
        // The first step of a resumed run counts from its beginning; only its own rate is known.
        let tokens = if self.seen == 0 { 1.0 } else { (step.tokens - self.seen) as f64 };
        self.seen = step.tokens;
        self.tokens = MEMORY * self.tokens + tokens;
        self.seconds = MEMORY * self.seconds + tokens / step.tokens_per_s.max(1.0);
        self.tokens / self.seconds
    }
}

/// How long a run will take, said once.
#[derive(Debug)]
pub struct Estimate {
    /// Steps that were taken before.
    pub done: usize,
    /// Steps in all.
    pub total_steps: usize,
    /// The option that makes a run shorter, if there is one, and the steps of one of its units, or the part of a step.
    pub shorter: Option<(&'static str, f64)>,
    /// Whether it is said.
    pub told: bool,
}

impl Estimate {
    /// A line once enough steps are taken, if there is long to wait; `elapsed` is the time since the first, validation and samples
    /// counted.
    pub fn after(&mut self, step: usize, elapsed: Duration) -> Option<String> {
        let taken = step.saturating_sub(self.done);
        if self.told || taken < ENOUGH {
            return None;
        }
        self.told = true;
        let left = self.total_steps.saturating_sub(step);
        let step_s = elapsed.as_secs_f64() / taken as f64;
        in_words(step_s, left, self.shorter.filter(|_| self.done == 0))
    }
}

/// How long the steps that are left take, and how a new run would be over in two minutes.
fn in_words(step_s: f64, left: usize, shorter: Option<(&str, f64)>) -> Option<String> {
    let left_s = step_s * left as f64;
    if left_s < LONG_S {
        return None;
    }
    let shorter = shorter.filter(|_| left_s > 2.0 * TRIAL_S);
    let trial = shorter.and_then(|(option, unit)| trial(step_s, option, unit)).unwrap_or_default();
    let (time, left) = (duration(left_s), grouped(left as u64));
    Some(format!("time            about {time} for {left} steps{trial}"))
}

/// What is over in two minutes, in steps, or in epochs or entries of `unit` steps; nothing if not even one is.
fn trial(step_s: f64, option: &str, unit: f64) -> Option<String> {
    let units = (TRIAL_S / step_s / unit) as usize;
    // Two digits are as much as such an estimate is worth.
    let power = 10_usize.pow(units.checked_ilog10()?.saturating_sub(1));
    let units = units / power * power;
    Some(format!("; {option} {units} takes {}", duration(step_s * units as f64 * unit)))
}

/// Seconds in the largest unit that fits.
fn duration(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{seconds:.0} s"),
        ..5400.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.1} hours", seconds / 3600.0),
        _ => format!("{:.1} days", seconds / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_an_average_over_the_last_steps() {
        let mut pace = Pace::default();
        let mut add = |tokens, tokens_per_s| {
            pace.add(&Step {
                step: 1,
                epoch: 0.0,
                tokens,
                loss: 1.0,
                learning_rate: 1e-3,
                gradient_norm: 1.0,
                tokens_per_s,
            })
        };
        assert!((add(5000, 100.0) - 100.0).abs() < 1e-9, "a resumed run begins with its own rate");
        let hundred = (1..200).map(|step| add(5000 + 100 * step, 100.0)).last().expect("steps");
        assert!((hundred - 100.0).abs() < 1e-9, "{hundred}");
        let slower = add(5000 + 100 * 200, 50.0);
        assert!((90.0..92.0).contains(&slower), "one slow step counts for a tenth: {slower}");
    }

    #[test]
    fn a_long_run_is_told_with_a_shorter_one_and_a_short_run_is_not() {
        let steps = Some(("--max-steps", 1.0));
        let epochs = Some(("--epochs", 115.0));
        for (step_s, left, shorter, said) in [
            (0.1, 500, steps, None),
            (0.395, 1100, steps, Some("7 min for 1,100 steps; --max-steps 300 takes 2 min")),
            (0.395, 1100, None, Some("7 min for 1,100 steps")),
            (0.395, 400, steps, Some("3 min for 400 steps")),
            (0.5, 10_000, epochs, Some("83 min for 10,000 steps; --epochs 2 takes 2 min")),
            (
                1.0,
                1000,
                Some(("--sample", 0.25)),
                Some("17 min for 1,000 steps; --sample 480 takes 2 min"),
            ),
            (100.0, 10_000, epochs, Some("11.6 days for 10,000 steps")),
        ] {
            let expected = said.map(|said| format!("time            about {said}"));
            assert_eq!(in_words(step_s, left, shorter), expected);
        }
    }

    #[test]
    fn the_estimate_is_said_once_and_not_before_ten_steps() {
        let (shorter, elapsed) = (Some(("--max-steps", 1.0)), Duration::from_secs(100));
        let mut estimate = Estimate { done: 5, total_steps: 1000, shorter, told: false };
        assert_eq!(estimate.after(14, elapsed), None);
        let said = estimate.after(15, elapsed).expect("a line");
        assert_eq!(
            said, "time            about 2.7 hours for 985 steps",
            "no advice for a resumed run"
        );
        assert_eq!(estimate.after(16, elapsed), None);
    }
}
