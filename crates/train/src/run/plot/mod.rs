//! The loss as a curve (chapter 4.4): an SVG for a page, and Braille characters for a terminal.

mod characters;
mod svg;

use crate::metrics::Line;
use anyhow::{Result, ensure};

/// The losses of a run, each beside the number of tokens seen before it was measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curves {
    /// Tokens seen and the loss of a training step.
    pub training: Vec<(f64, f64)>,
    /// Tokens seen and a validation loss.
    pub validation: Vec<(f64, f64)>,
    /// Passes over the data at the end.
    pub epochs: f64,
}

impl Curves {
    /// The losses among the lines of a run's metrics.
    pub fn from_history(history: &[Line]) -> Self {
        let mut curves = Self::default();
        for line in history {
            match line {
                Line::Step(step) => {
                    curves.training.push((step.tokens as f64, step.loss));
                    curves.epochs = step.epoch;
                }
                Line::Validation(measured) => {
                    curves.validation.push((measured.tokens as f64, measured.validation_loss));
                    curves.epochs = measured.epoch;
                }
                Line::Sample(_) => {}
            }
        }
        curves
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.training.iter().chain(&self.validation).copied()
    }

    /// Tokens seen in all, and the range of the losses with some air around it.
    fn ranges(&self) -> Result<(f64, f64, f64)> {
        let tokens = self.points().map(|(tokens, _)| tokens).fold(0.0, f64::max);
        let lowest = self.points().map(|(_, loss)| loss).fold(f64::INFINITY, f64::min);
        let highest = self.points().map(|(_, loss)| loss).fold(0.0, f64::max);
        ensure!(tokens > 0.0 && lowest.is_finite(), "there is no step to draw a curve of");
        let air = 0.05 * (highest - lowest).max(0.1);
        Ok((tokens, (lowest - air).max(0.0), highest + air))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn falling() -> Curves {
        let training = (1..=1000)
            .map(|step| (f64::from(step) * 100.0, 10.0 / f64::from(step).sqrt()))
            .collect();
        Curves {
            training,
            validation: vec![(0.0, 10.0), (50_000.0, 2.0), (100_000.0, 1.5)],
            epochs: 4.0,
        }
    }

    #[test]
    fn the_picture_names_its_axes_and_both_curves_and_tells_their_values() {
        let svg = falling().svg("Loss of a test").expect("a picture");
        for words in [
            "Loss of a test",
            "tokens seen (thousand)",
            "loss (nats per token)",
            "epochs",
            "training",
            "validation",
            "Training: 10.00 at first, 0.32 at 100000 tokens as its lowest, 0.32 at the end.",
            "Validation: 10.00 at first, 1.50 at 100000 tokens as its lowest, 1.50 at the end.",
        ] {
            assert!(svg.contains(words), "{words} is missing");
        }
        assert!(svg.len() < 60_000, "{} bytes", svg.len());
    }

    #[test]
    fn the_marks_of_a_short_run_differ_from_each_other() {
        let short = Curves { epochs: 0.012, ..falling() }.svg("a short run").expect("a picture");
        for mark in ["0.002", "0.004", "0.01"] {
            assert!(short.lines().any(|line| line.trim() == mark), "{mark} is missing");
        }
        let text = Curves { epochs: 0.012, ..falling() }.in_characters(40, 10).expect("a picture");
        assert!(text.contains("0.012 epochs"), "{text}");
    }

    #[test]
    fn the_curve_in_characters_falls_from_the_upper_left_to_the_lower_right() {
        let text = falling().in_characters(40, 10).expect("a picture");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("|o") || lines[1].contains("|o"), "{text}");
        assert!(lines[9].ends_with('o') || lines[8].ends_with('o'), "{text}");
    }

    #[test]
    fn a_run_without_a_step_has_no_curve() {
        assert!(Curves::default().svg("nothing").is_err());
    }
}
