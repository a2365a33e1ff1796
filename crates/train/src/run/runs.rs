//! Where the runs of a project lie, wherever in it a command stands.

use crate::checkpoint::CHECKPOINTS;
use model::format::folder;
use std::{
    cmp::Reverse,
    env, fs,
    path::{Path, PathBuf},
};

/// The folder of runs that are given no other.
pub const RUNS: &str = "runs";
/// So many runs are offered in place of one that is not there.
const OFFERED: usize = 3;

/// The folder for runs: `runs` of the project around the current folder, else here. It is as short as it can be said from here.
pub fn root() -> PathBuf {
    let here = env::current_dir().ok();
    match xtask::project_around() {
        Some(project) if Some(&project) != here.as_ref() => project.join(RUNS),
        _ => PathBuf::from(RUNS),
    }
}

/// The path of a run, which may be named as it is from the project's root.
pub fn locate(name: &str) -> Option<PathBuf> {
    let beside = Path::new(name).strip_prefix(RUNS).ok().map(|rest| root().join(rest));
    [Some(PathBuf::from(name)), beside].into_iter().flatten().find(|path| path.exists())
}

/// The newest checkpoint of a run that is a whole model.
pub fn newest_checkpoint(run: &Path) -> Option<PathBuf> {
    let checkpoints = run.join(CHECKPOINTS);
    let latest = fs::read_to_string(checkpoints.join("latest")).ok();
    let named = latest.map(|name| checkpoints.join(name.trim()));
    let mut others: Vec<PathBuf> = fs::read_dir(&checkpoints)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-"))
        })
        .collect();
    others.sort();
    named.into_iter().chain(others.into_iter().rev()).find(|path| folder::is_model(path))
}

/// The runs whose names are nearest to one that is not there, as a clause to end a sentence with.
pub fn nearest(name: &str) -> String {
    let root = root();
    let wanted = Path::new(name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut runs: Vec<String> = fs::read_dir(&root)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|run| folder::is_model(&run.path()) || newest_checkpoint(&run.path()).is_some())
        .map(|run| run.file_name().to_string_lossy().into_owned())
        .collect();
    runs.sort();
    runs.sort_by_key(|run| Reverse((1e6 * strsim::jaro_winkler(run, &wanted)) as u64));
    runs.truncate(OFFERED);
    if runs.is_empty() {
        return String::new();
    }
    let paths: Vec<String> = runs.iter().map(|run| root.join(run).display().to_string()).collect();
    format!("; the nearest runs are {}", paths.join(", "))
}
