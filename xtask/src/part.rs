//! The part of a file that has arrived, in `NAME.part`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use ureq::Body;

use crate::disk::{cannot_write, hash_of};
use crate::failure::{Failure, Limits, Next, failure};
use crate::network;
use crate::progress::Progress;

/// A server that sends fewer bytes than this within [`Limits::silence`] counts as silent.
const TRICKLE_BYTES: u64 = 1024;

/// The part, which is ours alone while this value lives.
pub(crate) struct Part {
    file: File,
    path: PathBuf,
}

impl Part {
    /// Opens the part of the file at `target` and waits until it is ours.
    pub(crate) fn take(target: &Path) -> Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_os_string();
        name.push(".part");
        let path = target.with_file_name(name);
        let trouble = |error: io::Error| cannot_write(&error, &path);
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let file = options.open(&path).map_err(trouble)?;
            // Some network file systems know no locks; there we go on without one.
            if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
                let name = target.file_name().unwrap_or_default().display();
                eprintln!("another process is fetching {name}; waiting for it");
                file.lock().map_err(trouble)?;
            }
            // While we waited, what we opened may have been renamed or removed, and another begun in its place.
            if is_still(&file, &path) {
                return Ok(Self { file, path });
            }
        }
    }

    /// Removes it where it is still called so.
    pub(crate) fn remove(self) {
        if is_still(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Gives it its final name.
    pub(crate) fn finish(self, target: &Path) -> Result<()> {
        self.file.sync_all().map_err(|error| cannot_write(&error, &self.path))?;
        fs::rename(&self.path, target).map_err(|error| cannot_write(&error, target))
    }

    /// How many bytes are here.
    pub(crate) fn length(&self) -> Result<u64, Failure> {
        let here = |error| Next::Here.because(format!("cannot look at the part: {error}"));
        Ok(self.file.metadata().map_err(here)?.len())
    }

    /// Throws away what is here.
    pub(crate) fn empty(&mut self) -> Result<(), Failure> {
        let here = |error| Next::Here.because(format!("cannot begin the file afresh: {error}"));
        self.file.set_len(0).map_err(here)
    }

    /// The last test: the SHA-256 of what arrived.
    pub(crate) fn check(&mut self, expected: Option<&str>, resumed: bool) -> Result<(), Failure> {
        let Some(expected) = expected else { return Ok(()) };
        let here =
            |error| Next::Here.because(format!("cannot read back what was fetched: {error}"));
        let hash = hash_of(&mut self.file).map_err(here)?;
        if hash.eq_ignore_ascii_case(expected) {
            return Ok(());
        }
        let reason = format!("delivered a file with SHA-256 {hash} instead of {expected}");
        if resumed {
            return Err(Next::Afresh.because(reason));
        }
        self.empty()?;
        Err(Next::Elsewhere.because(reason))
    }

    /// Appends a body of which no more than `total` bytes are expected.
    pub(crate) fn receive(
        &mut self,
        body: Body,
        total: Option<u64>,
        mut progress: Progress,
        limits: &Limits,
    ) -> Result<(), Failure> {
        let name = PathBuf::from(self.path.file_stem().unwrap_or_default());
        let here = |error: io::Error| Next::Here.because(cannot_write(&error, &name).to_string());
        self.file.seek(SeekFrom::Start(progress.position)).map_err(here)?;
        let mut body = body.into_reader();
        let mut buffer = vec![0; 1 << 16];
        let (mut window, mut before) = (Instant::now(), progress.position);
        loop {
            let count = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failure(error.into(), limits)),
            };
            if progress.position == 0 && network::looks_like_page(&buffer[..count]) {
                return Err(network::page());
            }
            let position = progress.position + count as u64;
            if total.is_some_and(|total| position > total) {
                self.empty()?;
                return Err(Next::Elsewhere.because("sends more bytes than were published"));
            }
            self.file.write_all(&buffer[..count]).map_err(here)?;
            progress.at(position);
            if window.elapsed() >= limits.silence {
                trickles(position - before, limits)?;
                (window, before) = (Instant::now(), position);
            }
        }
        progress.done();
        Ok(())
    }
}

/// Refuses a server that sends so little that the end would never come.
fn trickles(bytes: u64, limits: &Limits) -> Result<(), Failure> {
    if bytes >= TRICKLE_BYTES {
        return Ok(());
    }
    let seconds = limits.silence.as_secs_f64();
    Err(Next::Again(None).because(format!("sent only {bytes} bytes in {seconds:.0} s")))
}

#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_still(_: &File, path: &Path) -> bool {
    path.exists()
}
