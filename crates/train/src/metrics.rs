//! The course of a run as numbers (chapter 4.4): one line of JSON a step, a measurement or a sample.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// What happened at one moment of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// A step was taken.
    Step(Step),
    /// The validation loss was measured.
    Validation(Validation),
    /// The model wrote something.
    Sample(Sample),
}

/// One step of training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its number, counted from 1.
    pub step: usize,
    /// Passes over the data completed by it, with a fraction.
    pub epoch: f64,
    /// Targets learned from since the run began.
    pub tokens: u64,
    /// Mean loss of its targets before the step, in nats.
    pub loss: f64,
    /// The learning rate it was taken with.
    pub learning_rate: f64,
    /// Length of the gradient before clipping.
    pub gradient_norm: f64,
    /// Targets learned from in a second.
    pub tokens_per_s: f64,
}

/// One measurement on text that the model does not learn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Steps taken before it.
    pub step: usize,
    /// Passes over the data completed before it.
    pub epoch: f64,
    /// Targets learned from before it.
    pub tokens: u64,
    /// Mean loss in eval mode, in nats.
    pub validation_loss: f64,
    /// The same as bits for each byte of the text, where its bytes are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits_per_byte: Option<f64>,
}

/// One piece of text by the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Steps taken before it.
    pub step: usize,
    /// Passes over the data completed before it.
    pub epoch: f64,
    /// Targets learned from before it.
    pub tokens: u64,
    /// What it wrote.
    pub sample: String,
}

/// A measured number with the seven digits that it is worth writing down, so that a line read back equals the line written.
pub fn rounded(number: f64) -> f64 {
    format!("{number:.6e}").parse().unwrap_or(number)
}

/// Writes lines as JSON, each on a line of its own.
///
/// # Errors
/// If a number has no place in JSON, such as one that is not finite.
pub fn to_jsonl(lines: &[Line]) -> Result<String> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    Ok(text)
}

/// Reads such lines back.
///
/// # Errors
/// If a line is none of the three kinds; the message counts to it.
pub fn from_jsonl(text: &str) -> Result<Vec<Line>> {
    text.lines()
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("line {} is not a line of metrics", index + 1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_line_comes_back_as_what_it_was() {
        let lines = vec![
            Line::Step(Step {
                step: 1,
                epoch: 0.5,
                tokens: 64,
                loss: 10.8,
                learning_rate: 1e-3,
                gradient_norm: 2.5,
                tokens_per_s: 4000.0,
            }),
            Line::Validation(Validation {
                step: 1,
                epoch: 0.5,
                tokens: 64,
                validation_loss: 10.7,
                bits_per_byte: Some(3.25),
            }),
            Line::Sample(Sample {
                step: 1,
                epoch: 0.5,
                tokens: 64,
                sample: "two\nlines \"quoted\"".into(),
            }),
        ];
        let text = to_jsonl(&lines).expect("JSON");
        assert_eq!(text.lines().count(), 3);
        assert_eq!(from_jsonl(&text).expect("lines"), lines);
    }
}
