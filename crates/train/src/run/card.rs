//! The card of a model, `README.md` in the folder of its run (chapter 4.4): what it is, how it was trained, how to use it.

use crate::{
    metrics::{Line, Validation},
    settings::flat,
    trainer::Trainer,
};
use anyhow::Result;
use std::fmt::Write as _;

/// What the card begins with, for the hub of Hugging Face.
const HEAD: &str =
    "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- gpt2\n---\n\n";
const LIMITS: &str = "## What it cannot do\n\nIt writes what is likely in texts like those it has read, which need not be true. It was trained for \
     study; nobody has checked what it says.\n";

/// What only the command knows of a model: the words on its card.
#[derive(Debug, Clone, Default)]
pub struct Card {
    /// What the model is, in a few words.
    pub title: String,
    /// What it was made from, in one sentence or more.
    pub about: String,
    /// Commands that put it to use.
    pub usage: String,
    /// The measurement of its weights, where they are not the last ones.
    pub kept: Option<Validation>,
}

/// The first validation of a run, and the last one or that of the weights that were `kept` for it.
pub fn validations<'a>(
    history: &'a [Line],
    kept: Option<&'a Validation>,
) -> Option<(&'a Validation, &'a Validation)> {
    let mut measured = history.iter().filter_map(|line| match line {
        Line::Validation(measured) => Some(measured),
        _ => None,
    });
    let first = measured.next()?;
    Some((first, kept.or(measured.next_back()).unwrap_or(first)))
}

/// A loss in nats, with the bits for each byte where they are known.
pub fn loss_words(loss: f64, bits_per_byte: Option<f64>) -> String {
    let bits = bits_per_byte.map(|bits| format!(" ({bits:.3} bits a byte)"));
    format!("{loss:.3}{}", bits.unwrap_or_default())
}

/// The mean loss of the last steps of a run, at most 20 of them.
pub fn training_loss(history: &[Line]) -> Option<f64> {
    let last = history.iter().rev().filter_map(|line| match line {
        Line::Step(step) => Some(step.loss),
        _ => None,
    });
    let losses: Vec<f64> = last.take(20).collect();
    (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
}

/// The time that the steps of a run took, whoever interrupted it: all that is known of the sessions before this one.
pub fn seconds_of_steps(history: &[Line]) -> f64 {
    let (mut seconds, mut seen) = (0.0, 0);
    for line in history {
        if let Line::Step(step) = line {
            seconds += step.tokens.saturating_sub(seen) as f64 / step.tokens_per_s.max(1.0);
            seen = step.tokens;
        }
    }
    seconds
}

/// The whole card.
///
/// # Errors
/// Never in practice: settings can be written as JSON.
pub fn text(trainer: &Trainer, card: &Card) -> Result<String> {
    let config = &trainer.model.config;
    let size = format!(
        "A GPT-2 with {} parameters: {} blocks, {} heads, {} channels, {} positions, {} tokens in its vocabulary.",
        grouped(config.parameters() as u64),
        config.layers,
        config.heads,
        config.channels,
        config.context,
        config.vocab_size
    );
    let mut table = String::from("| | |\n| --- | --- |\n");
    for (name, value) in results(trainer, card).into_iter().chain(settings(trainer)?) {
        let _ = writeln!(table, "| {name} | {value} |"); // writing to a string cannot fail
    }
    let Card { title, about, usage, .. } = card;
    let (fence, usage) = (fence(usage), usage.trim_end());
    Ok(format!(
        "{HEAD}# {title}\n\n{about}\n\n{size}\n\n\
         ## How it was trained\n\n![Training and validation loss](loss.svg)\n\n{table}\n\
         Losses are in nats per token.\n\n\
         ## How to use it\n\n{fence}sh\n{usage}\n{fence}\n\n{LIMITS}"
    ))
}

/// How far the run came, and to what.
fn results(trainer: &Trainer, card: &Card) -> Vec<(String, String)> {
    let (progress, course) = (&trainer.progress, &trainer.course);
    let (step, total) = (progress.step as u64, course.schedule.total_steps as u64);
    let passes = progress.step as f64 / course.steps_per_epoch as f64;
    let mut rows = vec![
        ("steps", format!("{} of {}", grouped(step), grouped(total))),
        ("tokens seen", grouped(progress.tokens)),
        ("passes over the data", epochs(passes)),
    ];
    if let Some(loss) = training_loss(&progress.history) {
        rows.push(("training loss (mean of the last steps)", format!("{loss:.3}")));
    }
    if let Some((before, after)) = validations(&progress.history, card.kept.as_ref()) {
        let losses = [before, after].map(|measured| format!("{:.3}", measured.validation_loss));
        rows.push(("validation loss, before and after", losses.join(", ")));
        let perplexity = after.validation_loss.exp();
        rows.push(("perplexity on the validation data", format!("{perplexity:.1}")));
        if let Some(bits) = after.bits_per_byte {
            rows.push(("bits for each byte of the validation data", format!("{bits:.3}")));
        }
    }
    if let Some(kept) = &card.kept {
        rows.push(("its weights are those of step", grouped(kept.step as u64)));
    }
    rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// All settings but the length, which the steps say already.
fn settings(trainer: &Trainer) -> Result<Vec<(String, String)>> {
    let all = flat(&serde_json::to_value(&trainer.course.settings)?);
    let others = all.into_iter().filter(|(name, _)| name != "epochs" && name != "steps");
    Ok(others.map(|(name, value)| (name, value.to_string())).collect())
}

/// A fence that ends at nothing inside the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// Passes over the data as they are worth saying: to a tenth, and of a part of one two digits.
pub fn epochs(passes: f64) -> String {
    if passes == 0.0 || passes >= 0.1 {
        return format!("{passes:.1}");
    }
    let places = (1.0 - passes.log10().floor()) as usize;
    format!("{passes:.places$}")
}

/// A number with a comma before each group of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Step;

    #[test]
    fn a_small_part_of_an_epoch_is_not_called_none() {
        for (passes, said) in
            [(0.0, "0.0"), (2.0, "2.0"), (0.123, "0.1"), (0.0123, "0.012"), (0.0006, "0.00060")]
        {
            assert_eq!(epochs(passes), said);
        }
    }

    #[test]
    fn the_time_of_a_run_is_that_of_all_its_steps() {
        let step = |tokens, tokens_per_s| {
            Line::Step(Step {
                step: 1,
                epoch: 0.0,
                tokens,
                loss: 1.0,
                learning_rate: 1e-3,
                gradient_norm: 1.0,
                tokens_per_s,
            })
        };
        assert!((seconds_of_steps(&[step(100, 10.0), step(300, 40.0)]) - 15.0).abs() < 1e-9);
        assert!(seconds_of_steps(&[]).abs() < 1e-9);
    }

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!(
            [7, 1234, 123_456, 1_234_567].map(grouped),
            ["7", "1,234", "123,456", "1,234,567"]
        );
    }
}
