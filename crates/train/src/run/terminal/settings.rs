//! Settings and curves, as wide as the terminal allows.

use super::say;
use crate::{
    metrics::{Line, Validation},
    run::plot::Curves,
};
use ::console::Term;
use anyhow::Result;
use serde_json::Value;

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

/// Prints which weights a run ends with, where they are not the last ones.
pub fn print_kept(kept: Option<&Validation>) {
    if let Some(Validation { step, .. }) = kept {
        println!("kept        the weights of step {step}, whose validation loss was the lowest");
    }
}

/// Prints settings, four on a line or as many as there is room for.
pub fn say_settings(settings: &[(String, Value)]) {
    let room = columns(&Term::stderr()).saturating_sub(16) / 24;
    for line in settings.chunks(room.clamp(1, 4)) {
        let shown = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
        let word = |(name, value): &(String, Value)| {
            format!("{:<24}", format!("{name} {} ", shown(value)))
        };
        let words: Vec<String> = line.iter().map(word).collect();
        say(&format!("settings        {}", words.concat().trim_end()));
    }
}
