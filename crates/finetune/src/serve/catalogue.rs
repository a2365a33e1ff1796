//! Which models can be asked for by name: the one that was started with, what its run has kept, and the other runs.

use anyhow::{Result, ensure};
use model::format::folder;
use std::{
    fs,
    path::{Path, PathBuf},
};
use train::{
    checkpoint::CHECKPOINTS,
    run::{folder::PRETRAINING, newest},
};

/// The names, of which nobody can add one: a request names a folder of this list or none.
#[derive(Debug, Clone)]
pub struct Catalogue {
    first: String,
    folder: PathBuf,
}

impl Catalogue {
    /// That of a server for the model of this name, which lies in a folder.
    pub fn new(first: &str, folder: &Path) -> Self {
        Self { first: first.to_owned(), folder: folder.to_owned() }
    }

    /// The name of the server's model.
    pub fn first(&self) -> &str {
        &self.first
    }

    /// All names, that of the server's model first.
    pub fn names(&self) -> Vec<String> {
        let before = self.folder.join(PRETRAINING);
        let checkpoints = [&self.folder, &before].map(|run| fs::read_dir(run.join(CHECKPOINTS)));
        let entries = checkpoints.into_iter().flatten().flatten().flatten();
        let mut kept: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        kept.sort();
        kept.push(before);
        let runs = newest::all().into_iter().filter(|run| run.has_model).map(|run| run.folder);
        let mut names = vec![self.first.clone()];
        for path in kept.into_iter().chain(runs).filter(|path| folder::is_model(path)) {
            let name = path.display().to_string();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Checks that there is a model of this name.
    ///
    /// # Errors
    /// Names those that there are.
    pub fn check(&self, name: &str) -> Result<()> {
        let names = self.names();
        ensure!(
            names.iter().any(|known| known == name),
            "there is no model {name:?}; there are {}",
            names.join(", ")
        );
        Ok(())
    }
}
