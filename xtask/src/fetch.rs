//! `fetch`: datasets by name, from their servers or out of a folder.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::datasets::{self, DataFile, Dataset};
use crate::disk::{sha256, staged};

/// `cargo xtask fetch NAME… [--from DIR]`: prints a line for each dataset.
///
/// `all` stands for everything but GPT-2's weights and the longest text, which are asked for by name. With `from`, nothing is downloaded:
/// what lies in that folder is recognized by its SHA-256, whatever its name, and copied; what is missing is listed,
/// and that is no error.
///
/// # Errors
/// If a name is unknown, or something cannot be fetched.
pub fn run(root: &Path, names: &[String], from: Option<&Path>) -> Result<()> {
    let mut wanted: Vec<&Dataset> = Vec::new();
    for name in names {
        if name == "all" {
            wanted.extend(datasets::all().iter().filter(|dataset| !dataset.is_large()));
        } else {
            wanted.push(datasets::find(name)?);
        }
    }
    ensure!(!wanted.is_empty(), "name a dataset to fetch, or `all`");
    let failed = match from {
        Some(folder) => install(root, &wanted, folder).map(|()| Vec::new())?,
        None => wanted.iter().filter(|dataset| !is_fetched(root, dataset)).collect(),
    };
    if names.iter().any(|name| name == "all") {
        let large = datasets::all().iter().filter(|dataset| dataset.is_large());
        let large: Vec<_> = large.map(|dataset| dataset.name.as_str()).collect();
        println!("not part of `all` (0.5 to 6.4 GB each), fetched by name: {}", large.join(", "));
    }
    let failed: Vec<_> = failed.iter().map(|dataset| dataset.name.as_str()).collect();
    let mend = "check the connection and run the command again, or take the files from a folder with --from DIR";
    ensure!(failed.is_empty(), "{} could not be fetched; {mend}", failed.join(", "));
    Ok(())
}

fn line(dataset: &Dataset, verdict: &str) {
    println!("{:<17} {:<36} {verdict}", dataset.name, dataset.path.display());
}

/// Downloads a dataset and says what came of it.
fn is_fetched(root: &Path, dataset: &Dataset) -> bool {
    if dataset.is_complete(root) {
        line(dataset, "there already");
        return true;
    }
    let fetched = datasets::fetch(root, &dataset.name);
    match &fetched {
        Ok(_) => line(dataset, &format!("fetched (license: {})", dataset.license)),
        Err(error) => {
            eprintln!("{}", error.root_cause());
            line(dataset, "could not be fetched");
        }
    }
    fetched.is_ok()
}

/// Copies what `folder` holds of the wanted datasets.
fn install(root: &Path, wanted: &[&Dataset], folder: &Path) -> Result<()> {
    ensure!(folder.is_dir(), "--from {}: there is no such folder", folder.display());
    let files = wanted.iter().flat_map(|dataset| &dataset.files);
    let absent: Vec<&DataFile> = files.filter(|file| !file.is_there(root)).collect();
    let found = recognize(folder, &absent);
    for dataset in wanted {
        if dataset.is_complete(root) {
            line(dataset, "there already");
            continue;
        }
        let mut missing = Vec::new();
        for file in &dataset.files {
            match file.sha256.as_ref().and_then(|hash| found.get(&hash.to_ascii_lowercase())) {
                Some(source) => copy(source, &root.join(&file.path), file)?,
                None if !file.is_there(root) => {
                    missing.push(file.path.file_name().unwrap_or_default().to_string_lossy());
                }
                None => {}
            }
        }
        if missing.is_empty() {
            line(dataset, &format!("installed (license: {})", dataset.license));
        } else {
            line(dataset, &format!("missing: {}", missing.join(", ")));
        }
    }
    Ok(())
}

/// The files below `folder` whose SHA-256 is that of a wanted one. Only files that can be it are read.
fn recognize(folder: &Path, wanted: &[&DataFile]) -> HashMap<String, PathBuf> {
    let mut found = HashMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            // A link to a folder is not followed, so that a circle of links ends.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
                continue;
            }
            let Ok(data) = fs::metadata(&path) else { continue };
            let can_be = |file: &&DataFile| match file.bytes {
                Some(bytes) => bytes == data.len(),
                None => file.path.extension() == path.extension(),
            };
            if data.is_file()
                && wanted.iter().any(can_be)
                && let Ok(hash) = sha256(&path)
            {
                found.insert(hash, path);
            }
        }
    }
    found
}

/// Copies one file so that it takes its name only when it is whole.
fn copy(source: &Path, target: &Path, file: &DataFile) -> Result<()> {
    let (from, to) = (source.display(), target.display());
    let copied = File::open(source).and_then(|mut source| staged(target, &mut source));
    let copied = copied.with_context(|| format!("cannot copy {from} to {to}"))?;
    ensure!(file.download().is_complete(copied.path()), "{from} changed while it was being copied");
    copied.persist(target).with_context(|| format!("cannot write {to}"))?;
    Ok(())
}
