//! How far a run is, and what makes it the same run when it goes on (chapter 4.6).

use crate::metrics::Line;
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
