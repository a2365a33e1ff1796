//! How nothing is lost when a run is interrupted (chapter 4.6): the whole state of a run as a folder that is there entirely or not
//! at all.
//!
//! `checkpoints/step-000010/` is a model in the public format, so that any checkpoint can be loaded like a downloaded GPT-2, with
//! the optimizer's memory, the metrics so far and `state.json` beside it. `files.json` holds the SHA-256 of each file. The file
//! `checkpoints/latest` names the newest checkpoint. Random numbers need no file: each step draws from the seed and its own number.

mod load;

pub use load::{Loaded, libtorch_version, load, what_stays};

use crate::{
    adamw::AdamW,
    examples::hex,
    metrics::{self, Line},
    settings::TrainSettings,
};
use anyhow::{Context, Result, anyhow};
use model::{
    format::{self, CONFIG, WEIGHTS, safetensors},
    gpt2::Gpt2,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The folder of the checkpoints within the folder of a run.
pub const CHECKPOINTS: &str = "checkpoints";
const OPTIMIZER: &str = "optimizer.safetensors";
const METRICS: &str = "metrics.jsonl";
/// Where a run stands, within one of its checkpoints: [`State`].
pub const STATE: &str = "state.json";
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
        let (mut file, mut hasher, mut bytes) = (File::open(path)?, Sha256::new(), 0);
        let mut piece = vec![0; 1 << 16];
        loop {
            let length = file.read(&mut piece)?;
            if length == 0 {
                return Ok(Fingerprint { bytes, sha256: hex(&hasher.finalize()) });
            }
            hasher.update(&piece[..length]);
            bytes += length as u64;
        }
    };
    read().map_err(|error: io::Error| anyhow!("cannot read {}: {error}", path.display()))
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
