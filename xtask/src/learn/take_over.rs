//! What cargo has built of other people's crates in one target folder, taken over into another.
//!
//! Libraries are linked, not copied: cargo and rustc replace them by new files. What they write over in place is copied.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use crate::contents::CHAPTERS;

/// Takes over into `ours/debug` what `theirs/debug` holds; returns how many crates that were.
///
/// # Errors
/// If something cannot be read or written.
pub fn take_over(theirs: &Path, ours: &Path) -> Result<usize> {
    let (theirs, ours) = (theirs.join("debug"), ours.join("debug"));
    if !theirs.join(".fingerprint").is_dir() || ours.exists() {
        return Ok(0);
    }
    for part in ["deps", "build", ".fingerprint"] {
        fs::create_dir_all(ours.join(part))?;
    }
    let mut hashes = BTreeSet::new();
    let mut crates = BTreeSet::new();
    for entry in fs::read_dir(theirs.join(".fingerprint"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some((krate, hash)) = name.rsplit_once('-') else { continue };
        if is_ours(krate) {
            continue;
        }
        crates.insert(krate.to_owned());
        hashes.insert(hash.to_owned());
        for part in [".fingerprint", "build"] {
            let from = theirs.join(part).join(&name);
            if from.is_dir() {
                copy_folder(&from, &ours.join(part).join(&name))?;
            }
        }
    }
    for entry in fs::read_dir(theirs.join("deps"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let stem = name.split('.').next().unwrap_or_default();
        if stem.rsplit_once('-').is_some_and(|(_, hash)| hashes.contains(hash)) {
            let (from, to) = (theirs.join("deps").join(&name), ours.join("deps").join(&name));
            if to.extension() == Some("d".as_ref()) || fs::hard_link(&from, &to).is_err() {
                copy_file(&from, &to)?;
            }
        }
    }
    Ok(crates.len())
}

fn is_ours(krate: &str) -> bool {
    krate == "xtask" || CHAPTERS.iter().any(|chapter| chapter.name == krate)
}

/// Copies a folder; cargo compares times, so they stay.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else {
            copy_file(&entry.path(), &to)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)?;
    let times = std::fs::FileTimes::new().set_modified(fs::metadata(from)?.modified()?);
    Ok(std::fs::File::open(to)?.set_times(times)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    #[test]
    fn only_other_peoples_crates_are_taken_over_and_libraries_are_linked() {
        let folder = project(&[
            ("a/debug/.fingerprint/tch-12/lib-tch", "1"),
            ("a/debug/.fingerprint/model-34/lib-model", "1"),
            ("a/debug/build/tch-12/output", "1"),
            ("a/debug/deps/libtch-12.rlib", "1"),
            ("a/debug/deps/tch-12.d", "1"),
            ("a/debug/deps/libmodel-34.rlib", "1"),
        ]);
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        assert_eq!(take_over(&a, &b).expect("taken over"), 1);
        assert!(b.join("debug/build/tch-12/output").is_file());
        assert!(!b.join("debug/deps/libmodel-34.rlib").exists());
        assert!(!b.join("debug/.fingerprint/model-34").exists());
        // A link shows what is written into the other; a copy does not.
        for name in ["libtch-12.rlib", "tch-12.d"] {
            fs::write(a.join("debug/deps").join(name), "2").expect("written");
        }
        let read = |name: &str| fs::read_to_string(b.join("debug/deps").join(name)).expect("there");
        assert_eq!((read("libtch-12.rlib"), read("tch-12.d")), ("2".to_owned(), "1".to_owned()));
        let time = |folder: &Path| {
            let file = folder.join("debug/.fingerprint/tch-12/lib-tch");
            fs::metadata(file).expect("there").modified().expect("a time")
        };
        assert_eq!(time(&a), time(&b));
        assert_eq!(take_over(&a, &b).expect("nothing to do"), 0, "what is there stays");
    }
}
