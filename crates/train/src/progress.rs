//! How far a run is, and what makes it the same run when it goes on (chapter 4.6).

use crate::metrics::Line;
use anyhow::{Result, ensure};
use serde_json::Value;

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Steps taken.
    pub step: usize,
    /// Targets learned from.
    pub tokens: u64,
    /// Batches that had no target and taught nothing.
    pub skipped_batches: usize,
    /// All that has happened.
    pub history: Vec<Line>,
}

impl Progress {
    /// How many measurements have followed the one with the lowest validation loss.
    pub fn measurements_since_best(&self) -> usize {
        let (mut lowest, mut since) = (f64::INFINITY, 0);
        for line in &self.history {
            if let Line::Validation(measured) = line {
                since += 1;
                if measured.validation_loss < lowest {
                    (lowest, since) = (measured.validation_loss, 0);
                }
            }
        }
        since
    }
}

/// What a checkpoint keeps so that a run goes on as the same run.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// Hash of the training examples.
    pub training_data: String,
    /// Hash of the validation examples.
    pub validation_data: Option<String>,
    /// The way in which steps are taken, by name.
    pub path: String,
    /// What the command wants back to find its data again.
    pub resume_metadata: Value,
}

/// Refuses to go on with other data than a checkpoint's, by their hashes.
///
/// # Errors
/// If they differ.
pub fn check_data(name: &str, saved: Option<&String>, ours: Option<&String>) -> Result<()> {
    let short =
        |hash: Option<&String>| hash.map_or("none", |hash| &hash[..12.min(hash.len())]).to_owned();
    ensure!(
        saved == ours,
        "the {name} data is not that of the checkpoint (SHA-256 {} there, {} here); resume with the same data, or begin \
         another run",
        short(saved),
        short(ours)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Validation;

    #[test]
    fn patience_counts_the_measurements_after_the_first_of_the_lowest() {
        let progress = |losses: &[f64]| Progress {
            history: losses
                .iter()
                .map(|&validation_loss| {
                    Line::Validation(Validation {
                        step: 1,
                        epoch: 0.0,
                        tokens: 1,
                        validation_loss,
                        bits_per_byte: None,
                    })
                })
                .collect(),
            ..Progress::default()
        };
        for (losses, since) in
            [(&[][..], 0), (&[3.0], 0), (&[3.0, 2.0, 2.0, 4.0], 2), (&[3.0, 4.0, 2.0], 0)]
        {
            assert_eq!(progress(losses).measurements_since_best(), since, "{losses:?}");
        }
    }
}
