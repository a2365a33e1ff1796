//! The folder that a run writes (chapter 4.4).

use crate::metrics::{Line, to_jsonl};
use anyhow::{Context, Result, bail};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::Write,
    path::{Path, PathBuf},
};

const METRICS: &str = "metrics.jsonl";

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
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(".lock"));
        let lock = lock.with_context(cannot)?;
        // Some network file systems know no locks; there we go on without one.
        if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
            bail!("another process is training in {}; choose another --out-dir", path.display());
        }
        fs::write(path.join(METRICS), to_jsonl(history)?).with_context(cannot)?;
        let metrics = OpenOptions::new().append(true).open(path.join(METRICS)).with_context(cannot)?;
        Ok(Self { path: path.to_owned(), metrics, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line to the metrics.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn append(&mut self, line: &Line) -> Result<()> {
        let text = to_jsonl(std::slice::from_ref(line))?;
        self.metrics.write_all(text.as_bytes()).with_context(|| format!("cannot write to {}", self.path.display()))
    }
}
