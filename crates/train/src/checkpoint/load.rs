//! How a run goes on from a checkpoint (chapter 4.6).

use super::{
    CHECKPOINTS, FILES, Fingerprint, LATEST, METRICS, OPTIMIZER, PARTS, STATE, State, fingerprint,
    is_in, steps_in,
};
use crate::{
    adamw::AdamW,
    metrics::{self, Line},
};
use anyhow::{Context, Result, bail, ensure};
use model::{
    format::{self, safetensors::WeightFile},
    gpt2::Gpt2,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use tch::Device;

/// A checkpoint that was read back.
pub struct Loaded {
    /// The folder it is in.
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
