//! The cache that Python's Hugging Face library keeps; it is read and never written, as its layout is that library's own business.

use model::format::folder;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a cache holds of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cached {
    /// A whole snapshot, and its revision.
    Whole(PathBuf, String),
    /// The snapshot that counts is not whole, or none of several counts: why, and what else there is.
    Broken(String),
    /// Nothing that could be a model.
    Absent,
}

/// Looks for a repository in a cache: its pinned revision, else the one that the branch `main` is at, else the only one there is.
///
/// # Source
/// `try_to_load_from_cache` in `file_download.py` of `huggingface_hub`, for the place of files and `refs/main`.
///
/// # Differs
/// That library finds nothing where `refs/main` is missing.
pub fn find(cache: &Path, repository: &str, pinned: Option<&str>) -> Cached {
    let folder = cache.join(format!("models--{}", repository.replace('/', "--")));
    let snapshots = folder.join("snapshots");
    let revisions = revisions(&snapshots);
    let is_whole = |revision: &&str| folder::is_model(&snapshots.join(revision));
    let whole = |revision: &str| Cached::Whole(snapshots.join(revision), revision.to_owned());
    if let Some(revision) = pinned.filter(is_whole) {
        return whole(revision);
    }
    let wholes: Vec<&str> = revisions.iter().map(String::as_str).filter(is_whole).collect();
    let main = fs::read_to_string(folder.join("refs/main")).ok();
    match (main.as_deref().map(str::trim), &wholes[..]) {
        (Some(main), _) if is_whole(&main) => whole(main),
        (Some(main), others) => match broken(&snapshots.join(main)) {
            None if others.is_empty() => Cached::Absent,
            why => Cached::Broken(format!(
                "the cache has {repository} at revision {main}, {}{}",
                why.unwrap_or_else(|| "of which nothing is there".to_owned()),
                also(&snapshots, others)
            )),
        },
        (None, [only]) => whole(only),
        (None, []) => match revisions.iter().find_map(|name| broken(&snapshots.join(name))) {
            Some(why) => Cached::Broken(format!("the cache has {repository}, {why}")),
            None => Cached::Absent,
        },
        (None, several) => Cached::Broken(format!(
            "the cache has several revisions of {repository}, and no refs/main says which counts{}",
            also(&snapshots, several)
        )),
    }
}

fn revisions(snapshots: &Path) -> Vec<String> {
    let entries = fs::read_dir(snapshots).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Why a snapshot is no model; nothing if it holds no part of one.
fn broken(snapshot: &Path) -> Option<String> {
    let why = folder::check(snapshot).err()?.to_string();
    let why = why.strip_prefix(&format!("{} ", snapshot.display())).unwrap_or(&why).to_owned();
    let parts = fs::read_dir(snapshot).into_iter().flatten().flatten().count();
    (parts > 0).then(|| format!("which {why}"))
}

fn also(snapshots: &Path, revisions: &[&str]) -> String {
    if revisions.is_empty() {
        return String::new();
    }
    format!("; whole are {}, which --weights {}/… names", revisions.join(", "), snapshots.display())
}
