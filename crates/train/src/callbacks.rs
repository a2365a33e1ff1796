//! What a run calls on its way, and how it ends (chapter 4.4).

use crate::metrics::{Line, Validation};
use anyhow::Result;
use model::gpt2::Gpt2;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All its steps are done.
    Finished,
    /// It was asked to stop; a checkpoint holds where.
    Stopped,
}

/// What a run calls on its way.
pub trait Callbacks {
    /// Hears of each step, measurement and sample.
    ///
    /// # Errors
    /// If it cannot write them down.
    fn line(&mut self, line: &Line) -> Result<()>;

    /// Hears of each measurement together with the model that was measured.
    ///
    /// # Errors
    /// If it cannot keep what it wants to keep.
    fn measured(&mut self, model: &Gpt2, validation: &Validation) -> Result<()>;

    /// Lets the model show what it can write.
    ///
    /// # Errors
    /// If it cannot.
    fn sample(&mut self, model: &Gpt2) -> Result<String>;

    /// Asked before each step whether to stop.
    fn stop(&self) -> bool;

    /// Called before each checkpoint with all that has happened.
    ///
    /// # Errors
    /// If it cannot write it down.
    fn before_checkpoint(&mut self, history: &[Line]) -> Result<()>;
}
