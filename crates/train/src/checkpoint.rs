//! How nothing is lost when a run is interrupted (chapter 4.6): the whole state of a run as a folder that is there entirely or not
//! at all.
//!
//! `checkpoints/step-000010/` is a model in the public format, so that any checkpoint can be loaded like a downloaded GPT-2, with
//! the optimizer's memory, the metrics so far and `state.json` beside it. `files.json` holds the SHA-256 of each file. The file
//! `checkpoints/latest` names the newest checkpoint. Random numbers need no file: each step draws from the seed and its own number.

use crate::{
    adamw::AdamW,
    metrics::{self, Line},
    settings::TrainSettings,
};
use anyhow::{Context, Result, anyhow, bail, ensure};
use model::{
    format::{
        self, CONFIG, WEIGHTS,
        safetensors::{self, WeightFile},
    },
    gpt2::Gpt2,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};
use tch::Device;

/// The folder of the checkpoints within the folder of a run.
pub const CHECKPOINTS: &str = "checkpoints";
const OPTIMIZER: &str = "optimizer.safetensors";
const METRICS: &str = "metrics.jsonl";
const STATE: &str = "state.json";
const FILES: &str = "files.json";
const LATEST: &str = "latest";
/// What a checkpoint consists of, beside [`FILES`].
const PARTS: [&str; 5] = [WEIGHTS, CONFIG, OPTIMIZER, METRICS, STATE];

/// Where a run stands and what it was begun with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Steps taken.
    pub step: usize,
    /// Passes over the data completed.
    pub epoch: usize,
    /// Steps taken in the present pass: the position in the data.
    pub step_in_epoch: usize,
    /// Updates of the optimizer, fewer than steps where batches without a target were skipped.
    pub updates: i32,
    /// Targets learned from.
    pub tokens: u64,
    /// Batches without a single target.
    pub skipped_batches: usize,
    /// How the run trains.
    pub settings: TrainSettings,
    /// Fingerprint of the training examples.
    pub training_data: String,
    /// Fingerprint of the validation examples.
    pub validation_data: Option<String>,
    /// The libtorch that computed it.
    pub libtorch: String,
    /// The threads that computed it.
    pub threads: i32,
    /// The path that computed it: the lesson, or the fast one; empty in checkpoints from before there were two.
    #[serde(default)]
    pub path: String,
    /// What the command wants back to find its data again.
    #[serde(rename = "command")]
    pub resume_metadata: serde_json::Value,
}

/// Size and hash of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Fingerprint {
    bytes: u64,
    sha256: String,
}

/// A checkpoint that was read back.
pub struct Loaded {
    /// The folder it stands in.
    pub folder: PathBuf,
    /// Where the run stood.
    pub state: State,
    /// The model as it was.
    pub model: Gpt2,
    /// The metrics so far.
    pub history: Vec<Line>,
    /// What was wrong with newer checkpoints, if this is not the newest.
    pub damaged: Vec<String>,
}

/// Saves a checkpoint below the folder of a run, then removes all but the last `settings.keep_last`.
///
/// All files are written and flushed in a temporary folder, which then takes its name; only then `latest` names it.
///
/// # Errors
/// If the disk refuses; the checkpoints that were there before then still are.
pub fn save(
    run: &Path,
    model: &Gpt2,
    optimizer: &AdamW,
    state: &State,
    history: &[Line],
) -> Result<PathBuf> {
    let checkpoints = run.join(CHECKPOINTS);
    let name = format!("step-{:06}", state.step);
    let folder = checkpoints.join(&name);
    let temporary = checkpoints.join(format!(".{name}.tmp{}", std::process::id()));
    let written = write(&temporary, model, optimizer, state, history)
        .and_then(|()| replace_folder(&temporary, &folder))
        .and_then(|()| sync_folder(&checkpoints))
        .and_then(|()| {
            safetensors::replace(&checkpoints.join(LATEST), |file| {
                Ok(fs::write(file, format!("{name}\n"))?)
            })
        })
        .and_then(|()| sync_folder(&checkpoints));
    if written.is_err() {
        let _ = fs::remove_dir_all(&temporary);
    }
    written.with_context(|| {
        format!("cannot save a checkpoint at step {} in {}", state.step, checkpoints.display())
    })?;
    remove_old(&checkpoints, state);
    Ok(folder)
}

fn write(
    folder: &Path,
    model: &Gpt2,
    optimizer: &AdamW,
    state: &State,
    history: &[Line],
) -> Result<()> {
    let _ = fs::remove_dir_all(folder); // of an earlier process that had our number
    format::save(folder, model)?;
    safetensors::write(&folder.join(OPTIMIZER), optimizer.state())?;
    let text = |name: &str, content: String| {
        safetensors::replace(&folder.join(name), |temporary| Ok(fs::write(temporary, content)?))
    };
    text(METRICS, metrics::to_jsonl(history)?)?;
    text(STATE, serde_json::to_string_pretty(state)? + "\n")?;
    let files: BTreeMap<&str, Fingerprint> = PARTS
        .into_iter()
        .map(|name| Ok((name, fingerprint(&folder.join(name))?)))
        .collect::<Result<_>>()?;
    text(FILES, serde_json::to_string_pretty(&files)? + "\n")?;
    sync_folder(folder)
}

fn fingerprint(path: &Path) -> Result<Fingerprint> {
    let read = || {
        Ok(Fingerprint { bytes: fs::metadata(path)?.len(), sha256: xtask::download::sha256(path)? })
    };
    read().map_err(|error: std::io::Error| anyhow!("cannot read {}: {error}", path.display()))
}

/// Lets `new` take the name `folder`. What had the name before is moved aside first, as a folder cannot be replaced in one go.
fn replace_folder(new: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        let aside = new.with_extension("old");
        fs::rename(folder, &aside)?;
        fs::rename(new, folder)?;
        let _ = fs::remove_dir_all(aside);
    } else {
        fs::rename(new, folder)?;
    }
    Ok(())
}

/// Makes names in a folder outlast a power cut.
fn sync_folder(folder: &Path) -> Result<()> {
    Ok(File::open(folder)?.sync_all()?)
}

/// Removes checkpoints before the last few, and what an interrupted save has left. Failing to is no reason to stop a run.
fn remove_old(checkpoints: &Path, state: &State) {
    let older = steps_in(checkpoints).into_iter().filter(|&(step, _)| step <= state.step);
    let obsolete = older.skip(state.settings.keep_last).map(|(_, folder)| folder);
    let entries = fs::read_dir(checkpoints).into_iter().flatten().flatten();
    let leftovers =
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".step-"));
    for folder in obsolete.chain(leftovers.map(|entry| entry.path())) {
        let _ = fs::remove_dir_all(folder);
    }
}

/// The checkpoints in a folder by their step, the newest first.
fn steps_in(checkpoints: &Path) -> Vec<(usize, PathBuf)> {
    let entries = fs::read_dir(checkpoints).into_iter().flatten().flatten();
    let mut found: Vec<(usize, PathBuf)> = entries
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.strip_prefix("step-")?.parse().ok()?, entry.path()))
        })
        .collect();
    found.sort();
    found.reverse();
    found
}

/// Whether a run's folder holds a checkpoint.
pub fn is_in(run: &Path) -> bool {
    !steps_in(&run.join(CHECKPOINTS)).is_empty()
}

/// What a run that broke off after so many steps has left in its folder, and the command that goes on from it.
pub fn what_stays(run: &Path, steps: usize, again: &str) -> String {
    if is_in(run) {
        format!("stopped after step {steps}; its last checkpoint stays, `{again}` goes on from it")
    } else {
        format!("stopped after step {steps}, before there was a checkpoint")
    }
}

/// Loads the newest checkpoint of a run that is whole, or exactly the one that `path` is the folder of.
///
/// Every file is compared with its SHA-256 before anything is made of it.
///
/// # Errors
/// If there is no checkpoint, or none of them is whole.
pub fn load(path: &Path, device: Device) -> Result<Loaded> {
    ensure!(path.is_dir(), "there is no run to resume in {}", path.display());
    if path.join(FILES).exists() {
        return load_one(path, device);
    }
    let checkpoints =
        if path.join(CHECKPOINTS).is_dir() { path.join(CHECKPOINTS) } else { path.to_owned() };
    let latest =
        fs::read_to_string(checkpoints.join(LATEST)).map(|name| checkpoints.join(name.trim()));
    let mut candidates: Vec<PathBuf> =
        latest.into_iter().filter(|folder| folder.is_dir()).collect();
    for (_, folder) in steps_in(&checkpoints) {
        if !candidates.contains(&folder) {
            candidates.push(folder);
        }
    }
    ensure!(!candidates.is_empty(), "there is no checkpoint in {}", checkpoints.display());
    let mut damaged = Vec::new();
    for folder in candidates {
        match load_one(&folder, device) {
            Ok(loaded) => return Ok(Loaded { damaged, ..loaded }),
            Err(error) => damaged.push(format!("{error:#}")),
        }
    }
    bail!("no checkpoint in {} is whole: {}", checkpoints.display(), damaged.join("; "))
}

fn load_one(folder: &Path, device: Device) -> Result<Loaded> {
    let read = |name: &str| {
        fs::read_to_string(folder.join(name))
            .with_context(|| format!("cannot read {}", folder.join(name).display()))
    };
    let is_damaged = |what: &str| format!("{} is damaged: {what}", folder.display());
    let files: BTreeMap<String, Fingerprint> = serde_json::from_str(&read(FILES)?)
        .with_context(|| is_damaged("files.json cannot be understood"))?;
    for name in PARTS {
        let expected = files
            .get(name)
            .with_context(|| is_damaged(&format!("files.json does not name {name}")))?;
        let length = fs::metadata(folder.join(name)).map_or(0, |data| data.len());
        ensure!(
            length == expected.bytes,
            is_damaged(&format!("{name} has {length} bytes, not {}", expected.bytes))
        );
        let found = fingerprint(&folder.join(name))?;
        ensure!(
            found == *expected,
            is_damaged(&format!("{name} has another SHA-256 than when it was written"))
        );
    }
    let state: State = serde_json::from_str(&read(STATE)?).with_context(|| {
        format!("{} was written by another version of this program", folder.join(STATE).display())
    })?;
    let history = metrics::from_jsonl(&read(METRICS)?)?;
    let model = format::load(folder, device)?;
    Ok(Loaded { folder: folder.to_owned(), state, model, history, damaged: Vec::new() })
}

impl Loaded {
    /// What may make the rest of the run differ from an uninterrupted one's, if it goes on with so many threads: a sentence each.
    pub fn warnings(&self, threads: i32) -> Vec<String> {
        let State { libtorch, threads: before, .. } = &self.state;
        let damage = self
            .damaged
            .iter()
            .map(|damage| format!("{damage}; going back to {}", self.folder.display()));
        let changes = [
            ("threads", before.to_string(), threads.to_string()),
            ("libtorch", libtorch.clone(), libtorch_version()),
        ];
        let changes = changes.into_iter().filter(|(_, then, now)| then != now).map(|(what, then, now)| {
            format!("{what} {then} then, {now} now; the last digits may differ from an uninterrupted run's")
        });
        damage.chain(changes).collect()
    }

    /// An optimizer that goes on where the saved one stopped.
    ///
    /// # Errors
    /// If its file cannot be read or does not fit the model.
    pub fn optimizer(&self) -> Result<AdamW> {
        let mut optimizer = AdamW::new(self.model.parameters(), self.state.settings.optimizer);
        let mut file = WeightFile::open(&self.folder.join(OPTIMIZER))?;
        optimizer.restore(self.state.updates, |name| file.tensor(name))?;
        Ok(optimizer)
    }
}

/// The version of the libtorch in use, as the file beside it tells; `unknown` where the system does not tell what is loaded.
pub fn libtorch_version() -> String {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let libraries =
        maps.lines().filter_map(|line| line.find('/').map(|start| Path::new(&line[start..])));
    let version_beside = |library: &Path| {
        let root = library.parent()?.parent()?;
        let of_archive = fs::read_to_string(root.join("build-version"))
            .ok()
            .map(|version| version.trim().to_owned());
        of_archive
            .or_else(|| version_of_pytorch(&fs::read_to_string(root.join("version.py")).ok()?))
    };
    libraries
        .filter(|library| library.to_string_lossy().contains("libtorch_cpu"))
        .find_map(version_beside)
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The version in Python's own file, which has it in the line `__version__ = '2.13.0+cpu'`.
fn version_of_pytorch(python: &str) -> Option<String> {
    let version = python.lines().find_map(|line| line.strip_prefix("__version__ = '"))?;
    Some(version.trim_end_matches('\'').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_libtorch_that_came_with_python_is_read() {
        let python =
            "__all__ = ['__version__', 'debug']\n__version__ = '2.13.0+cpu'\ndebug = False\n";
        assert_eq!(version_of_pytorch(python).as_deref(), Some("2.13.0+cpu"));
        assert_eq!(version_of_pytorch("debug = False"), None);
    }
}
