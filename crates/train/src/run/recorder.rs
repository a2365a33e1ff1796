//! Writes down what happens in a run, and shows it.

use super::{best::Best, folder::RunFolder};
use crate::{
    callbacks::Callbacks,
    metrics::{Line, Validation},
};
use anyhow::Result;
use model::gpt2::Gpt2;

/// The callbacks of a command: its folder, its progress, its samples, its signals.
pub struct Recorder<'a> {
    /// Where lines are written.
    pub folder: &'a mut RunFolder,
    /// Keeps the best weights, if they are to be kept.
    pub best: Option<&'a mut Best>,
    /// Shows a line.
    pub show: &'a mut dyn FnMut(&Line),
    /// Lets the model write.
    pub sample: &'a dyn Fn(&Gpt2) -> Result<String>,
    /// Whether to stop.
    pub stop: &'a dyn Fn() -> bool,
}

impl Callbacks for Recorder<'_> {
    fn line(&mut self, line: &Line) -> Result<()> {
        self.folder.append(line)?;
        (self.show)(line);
        Ok(())
    }

    fn measured(&mut self, model: &Gpt2, validation: &Validation) -> Result<()> {
        self.best.as_mut().map_or(Ok(()), |best| best.measured(model, validation))
    }

    fn sample(&mut self, model: &Gpt2) -> Result<String> {
        (self.sample)(model)
    }

    fn stop(&self) -> bool {
        (self.stop)()
    }

    fn before_checkpoint(&mut self, history: &[Line]) -> Result<()> {
        self.best.as_mut().map_or(Ok(()), |best| best.flush())?;
        self.folder.write_progress(history)
    }
}
