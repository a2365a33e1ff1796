//! The folder that a run leaves behind (chapter 4.4).
//!
//! `metrics.jsonl` grows line by line; `loss.svg` and `samples.txt` are made anew from the same lines at each checkpoint, and the model
//! with its tokenizer and its card, `README.md`, at the end.

use crate::{
    checkpoint,
    metrics::{Line, to_jsonl},
    run::{
        card::{self, Card},
        plot::Curves,
        runs,
    },
    trainer::Trainer,
};
use anyhow::{Context, Result, bail, ensure};
use model::format::tokenizer_files;
use model::{format, format::safetensors};
use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions, TryLockError},
    io::Write as _,
    path::{Path, PathBuf},
};

/// The course of a run, line by line.
pub const METRICS: &str = "metrics.jsonl";
/// The folder of the training of a first model, within the folder of the run that goes on with it.
pub const PRETRAINING: &str = "pretraining";
const LOCK: &str = ".lock";

/// The folder of one run, which belongs to one process as long as this value lives.
pub struct RunFolder {
    path: PathBuf,
    metrics: File,
    _lock: File,
}

impl RunFolder {
    /// Opens or creates the folder, with `history` as its metrics so far.
    ///
    /// # Errors
    /// If it cannot be written, or another process is writing it.
    pub fn open(path: &Path, history: &[Line]) -> Result<Self> {
        let cannot = || format!("cannot write to {}; choose another --out-dir", path.display());
        fs::create_dir_all(path).with_context(cannot)?;
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK));
        let lock = lock.with_context(cannot)?;
        // Some network file systems know no locks; there we go on without one.
        if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
            bail!("another process is training in {}; choose another --out-dir", path.display());
        }
        fs::write(path.join(METRICS), to_jsonl(history)?).with_context(cannot)?;
        let metrics =
            OpenOptions::new().append(true).open(path.join(METRICS)).with_context(cannot)?;
        Ok(Self { path: path.to_owned(), metrics, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a folder holds a model or a checkpoint, which another run must not overwrite.
    pub fn is_taken(path: &Path) -> bool {
        checkpoint::is_in(path) || path.join(format::WEIGHTS).exists()
    }

    /// Whether a folder holds what no run has left there, which a run must not mix with its own files; hidden files are passed over.
    fn is_foreign(path: &Path) -> bool {
        let mut entries = fs::read_dir(path).into_iter().flatten().flatten();
        // One that was broken off before its first checkpoint, or in the training of its first model, is ours.
        let begun = [path.to_owned(), path.join(PRETRAINING)]
            .iter()
            .any(|run| run.join(LOCK).exists() && run.join(METRICS).exists());
        !begun && entries.any(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
    }

    /// A folder that holds no run yet: the one asked for, else the first free of `runs/NAME`, `runs/NAME-2` and so on.
    ///
    /// # Errors
    /// If there is a run in the folder asked for, or, without `force`, anything else.
    pub fn unused(asked_for: Option<&Path>, name: &str, force: bool) -> Result<PathBuf> {
        if let Some(folder) = asked_for {
            ensure!(
                folder.to_str().is_some(),
                "{} is not UTF-8, and no command that names it could be printed; choose another --out-dir",
                folder.display()
            );
            ensure!(
                !Self::is_taken(folder),
                "there is a run in {} already; go on with it by --resume, or choose another --out-dir",
                folder.display()
            );
            ensure!(
                force || !Self::is_foreign(folder),
                "{} holds files that no run has written; choose another --out-dir, or say --force to write beside and over them",
                folder.display()
            );
            return Ok(folder.to_owned());
        }
        let root = runs::root();
        let numbered = |number| {
            root.join(if number == 1 { name.to_owned() } else { format!("{name}-{number}") })
        };
        let free = (1..1_000_000)
            .map(numbered)
            .find(|folder| !Self::is_taken(folder) && !Self::is_foreign(folder));
        free.with_context(|| format!("every name in {} is taken", root.display()))
    }

    /// Adds a line to the metrics.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn append(&mut self, line: &Line) -> Result<()> {
        let text = to_jsonl(std::slice::from_ref(line))?;
        self.metrics
            .write_all(text.as_bytes())
            .with_context(|| format!("cannot write to {}", self.path.display()))
    }

    /// Writes a text file, whole or not at all.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        safetensors::replace(&self.path.join(name), |temporary| Ok(fs::write(temporary, text)?))
    }

    /// Draws the curve and collects the samples of the run so far.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_progress(&self, history: &[Line]) -> Result<()> {
        let curves = Curves::from_history(history);
        if !curves.training.is_empty() {
            self.write("loss.svg", &curves.svg("Loss in training")?)?;
        }
        let samples = samples(history);
        if samples.is_empty() { Ok(()) } else { self.write("samples.txt", &samples) }
    }

    /// Writes the model's card.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_card(&self, trainer: &Trainer, card: &Card) -> Result<()> {
        self.write("README.md", &card::text(trainer, card)?)
    }

    /// Writes the model with its tokenizer and card.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_model(&self, trainer: &Trainer, card: &Card) -> Result<()> {
        self.write_progress(&trainer.progress.history)?;
        self.write_card(trainer, card)?;
        tokenizer_files::write(&self.path, trainer.model.config.context)?;
        format::save(&self.path, &trainer.model)
    }
}

fn samples(history: &[Line]) -> String {
    let mut text = String::new();
    for line in history {
        if let Line::Sample(sample) = line {
            let _ = writeln!(
                text,
                "--- step {}, epoch {}, {} tokens seen\n{}\n",
                sample.step,
                card::epochs(sample.epoch),
                sample.tokens,
                sample.sample.trim_end()
            );
        }
    }
    text
}

/// Whether a process works on the run in a folder.
pub fn is_locked(run: &Path) -> bool {
    let lock = File::open(run.join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The folder of the run that a checkpoint belongs to.
pub fn run_of(checkpoint: &Path) -> &Path {
    checkpoint.parent().and_then(Path::parent).unwrap_or(checkpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_belongs_to_one_run_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = RunFolder::open(folder.path(), &[]).expect("free");
        let said = RunFolder::open(folder.path(), &[]).err().expect("taken").to_string();
        assert!(said.starts_with("another process is training in"), "{said}");
        drop(first);
        assert!(RunFolder::open(folder.path(), &[]).is_ok());
    }
}
