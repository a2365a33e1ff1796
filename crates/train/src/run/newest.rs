//! Which runs there are (chapter 4.4): what a command takes where its user names none.

use super::{
    folder::{self, METRICS},
    runs,
};
use crate::{
    checkpoint::{CHECKPOINTS, STATE},
    metrics::{self, Line},
    run::{best, card::validations},
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

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A process works on it.
    Running,
    /// Its model is written.
    Finished,
    /// Neither; it can be resumed if there is a checkpoint.
    Interrupted,
}

/// A run as its folder tells of it.
#[derive(Debug, Clone)]
pub struct Run {
    /// Where it is.
    pub folder: PathBuf,
    /// Who has made it; unknown before its first checkpoint.
    pub maker: Option<Maker>,
    /// Steps taken.
    pub steps: usize,
    /// The validation loss of its best weights, or the last one.
    pub loss: Option<f64>,
    /// How far it is.
    pub stage: Stage,
    /// Whether it holds a model, written before it went on perhaps.
    pub has_model: bool,
    changed: SystemTime,
}

/// The runs in `runs/`, the newest first.
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
    let newest = all().into_iter().find(|run| run.maker == Some(maker));
    newest.map(|run| run.folder).context("there is no run to resume in runs/; name its folder")
}

/// The newest run whose model can be asked, one of this maker's if there is any.
pub fn with_model(preferred: Option<Maker>) -> Option<PathBuf> {
    let mut runs: Vec<Run> = all().into_iter().filter(|run| run.has_model).collect();
    runs.sort_by_key(|run| preferred.is_some() && run.maker != preferred); // keeps their order otherwise
    runs.into_iter().next().map(|run| run.folder)
}

/// Who has made the model in a folder, or in a checkpoint of a run, as far as is known.
pub fn maker_of(folder: &Path) -> Option<Maker> {
    let state = fs::read_to_string(folder.join(STATE)).ok();
    state
        .or_else(|| newest_state(folder))
        .and_then(|state| maker(&serde_json::from_str(&state).ok()?))
}

/// What the newest checkpoint of a run says of itself.
fn newest_state(run: &Path) -> Option<String> {
    let checkpoints = run.join(CHECKPOINTS);
    let latest = fs::read_to_string(checkpoints.join("latest")).ok()?;
    fs::read_to_string(checkpoints.join(latest.trim()).join(STATE)).ok()
}

fn maker(state: &Value) -> Option<Maker> {
    match &state["command"] {
        command if command.get("text").is_some() => Some(Maker::Train),
        command if command.get("data").is_some() => Some(Maker::Finetune),
        _ => None,
    }
}

fn describe(run: &Path) -> Option<Run> {
    let metrics = run.join(METRICS);
    let changed = fs::metadata(&metrics).and_then(|data| data.modified()).ok()?;
    let history = fs::read_to_string(metrics).unwrap_or_default();
    let history: Vec<Line> = metrics::from_jsonl(&history).unwrap_or_default();
    let steps = history.iter().rev().find_map(|line| match line {
        Line::Step(step) => Some(step.step),
        _ => None,
    });
    let has_model = run.join(WEIGHTS).is_file();
    let stage = match (folder::is_locked(run), has_model) {
        (true, _) => Stage::Running,
        (false, true) => Stage::Finished,
        (false, false) => Stage::Interrupted,
    };
    Some(Run {
        folder: run.to_owned(),
        maker: maker_of(run),
        steps: steps.unwrap_or(0),
        loss: validations(&history, best::kept(run).as_ref()).map(|(_, last)| last.validation_loss),
        stage,
        has_model,
        changed,
    })
}
