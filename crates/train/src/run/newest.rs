//! Which runs there are (chapter 4.4): what a command takes where its user names none.

use super::runs;
use crate::{
    checkpoint::CHECKPOINTS,
    metrics::{self, Line},
    run::card::validation_losses,
};
use anyhow::{Context, Result};
use model::format::WEIGHTS;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The command that has made a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// `train`.
    Train,
    /// `finetune`.
    Finetune,
}

/// A run as its folder tells of it.
#[derive(Debug, Clone)]
pub struct Run {
    /// Where it is.
    pub folder: PathBuf,
    /// Who has made it.
    pub maker: Maker,
    /// Steps taken up to the newest checkpoint.
    pub steps: u64,
    /// The last validation loss.
    pub loss: Option<f64>,
    /// Whether its model is written.
    pub finished: bool,
    changed: SystemTime,
}

/// The runs in `runs/` that have a checkpoint, the newest first.
pub fn all() -> Vec<Run> {
    let entries = fs::read_dir(runs::root()).into_iter().flatten().flatten();
    let mut runs: Vec<Run> = entries.filter_map(|entry| describe(&entry.path())).collect();
    runs.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| b.folder.cmp(&a.folder)));
    runs
}

/// The newest run that can be resumed by its maker.
///
/// # Errors
/// If there is none.
pub fn of(maker: Maker) -> Result<PathBuf> {
    let newest = all().into_iter().find(|run| run.maker == maker);
    newest.map(|run| run.folder).context("there is no run to resume in runs/; name its folder")
}

/// The newest run whose model can be asked.
pub fn with_model() -> Option<PathBuf> {
    all().into_iter().find(|run| run.finished).map(|run| run.folder)
}

/// Who has made the run in a folder, if one has.
pub fn maker_of(folder: &Path) -> Option<Maker> {
    describe(folder).map(|run| run.maker)
}

fn describe(folder: &Path) -> Option<Run> {
    let checkpoints = folder.join(CHECKPOINTS);
    let changed = fs::metadata(&checkpoints).and_then(|data| data.modified()).ok()?;
    let latest = fs::read_to_string(checkpoints.join("latest")).ok()?;
    let state = fs::read_to_string(checkpoints.join(latest.trim()).join("state.json")).ok()?;
    let state: Value = serde_json::from_str(&state).ok()?;
    let maker = match &state["command"] {
        command if command.get("text").is_some() => Maker::Train,
        command if command.get("data").is_some() => Maker::Finetune,
        _ => return None,
    };
    let history = fs::read_to_string(folder.join("metrics.jsonl")).unwrap_or_default();
    let history: Vec<Line> = metrics::from_jsonl(&history).unwrap_or_default();
    Some(Run {
        folder: folder.to_owned(),
        maker,
        steps: state["step"].as_u64()?,
        loss: validation_losses(&history).map(|(_, last)| last),
        finished: folder.join(WEIGHTS).is_file(),
        changed,
    })
}
