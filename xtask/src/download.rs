//! How one file comes here whole, or not at all.
//!
//! A download writes to `NAME.part`, goes on there after an interruption, and is renamed to `NAME` only after its size
//! and its SHA-256 were found right. So whatever carries the final name is complete. Two processes that want the same
//! file take turns: the second waits for the first and then finds the file there.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use sha2::{Digest, Sha256};
use ureq::{Agent, Body};

use crate::network::{self, Failure, text};
use crate::progress::Progress;

/// A server that sends fewer bytes than this within [`Limits::silence`] counts as silent.
const TRICKLE_BYTES: u64 = 1024;

/// One file, where it can be had, and what is known of it beforehand.
#[derive(Debug, Clone)]
pub struct Download {
    /// Addresses of the same file, tried in this order.
    pub urls: Vec<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its SHA-256 in hexadecimal. Where it is `None`, the value that the server itself names is used, if it names one
    /// (`X-Linked-Etag`, sent by Hugging Face for large files).
    pub sha256: Option<String>,
    /// When to lose patience.
    pub limits: Limits,
}

/// When a download loses patience.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long to wait for a connection.
    pub connect: Duration,
    /// How long a server may stay silent.
    pub silence: Duration,
    /// How many attempts an address gets without any progress.
    pub attempts: u32,
    /// The pause after the first failure; it doubles with each further one.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            silence: Duration::from_secs(30),
            attempts: 5,
            pause: Duration::from_secs(1),
        }
    }
}

impl Download {
    /// A file of which only the address is known.
    pub fn new(url: impl Into<String>) -> Self {
        Self { urls: vec![url.into()], size: None, sha256: None, limits: Limits::default() }
    }

    /// Whether `path` holds the file: it exists and has the size and the SHA-256 that are known.
    pub fn is_complete(&self, path: &Path) -> bool {
        let Ok(found) = fs::metadata(path) else { return false };
        found.is_file()
            && self.size.is_none_or(|size| size == found.len())
            && self
                .sha256
                .as_ref()
                .is_none_or(|known| sha256(path).is_ok_and(|hash| hash.eq_ignore_ascii_case(known)))
    }

    /// Brings the file to `path`, and does nothing where it is complete already.
    ///
    /// # Errors
    /// If no address delivers the file, or it cannot be written: one sentence that says why and what to do. The part
    /// that did arrive is kept, and the next call goes on from there.
    pub fn to(&self, path: &Path) -> Result<()> {
        if self.is_complete(path) {
            return Ok(());
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() {
            eprintln!("{} is not the file that was published; fetching it again", path.display());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| cannot_write(&error, folder))?;
        }
        let part = part_path(path);
        let mut file = take(&part, &name)?;
        if self.is_complete(path) {
            // Another process was faster; what we hold is either its finished file or an empty one of our own.
            if same_file(&file, &part) {
                let _ = fs::remove_file(&part);
            }
            return Ok(());
        }

        let agent = network::agent(&self.limits)?;
        let mut reasons = Vec::new();
        let mut absent = Vec::new();
        for url in &self.urls {
            let server = url.split('/').nth(2);
            if absent.contains(&server) {
                continue;
            }
            match self.try_address(&agent, url, &mut file, &name) {
                Ok(()) => {
                    file.sync_all().map_err(|error| cannot_write(&error, &part))?;
                    fs::rename(&part, path).map_err(|error| cannot_write(&error, path))?;
                    return Ok(());
                }
                Err(Failure::Here(error)) => return Err(error),
                Err(Failure::Unreachable(reason)) => {
                    absent.push(server);
                    reasons.push(format!("{} {reason}", network::host(url)));
                }
                Err(
                    Failure::Again(reason, _)
                    | Failure::Afresh(reason)
                    | Failure::Elsewhere(reason),
                ) => {
                    reasons.push(format!("{} {reason}", network::host(url)));
                }
            }
        }
        if file.metadata().is_ok_and(|part| part.len() == 0) {
            let _ = fs::remove_file(&part);
        }
        Err(anyhow!(
            "cannot fetch {name}: {}; check the connection and run the command again, it goes on where it stopped",
            reasons.join("; ")
        ))
    }

    /// Tries one address until it delivers, fails for good, or has used up its attempts.
    fn try_address(
        &self,
        agent: &Agent,
        url: &str,
        file: &mut File,
        name: &str,
    ) -> Result<(), Failure> {
        let mut best = 0;
        let mut failed = 0;
        let mut etag = None;
        let mut afresh = false;
        loop {
            let failure = match self.attempt(agent, url, file, name, &mut etag) {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let (reason, pause, attempts) = match &failure {
                Failure::Again(reason, pause) => (reason, *pause, self.limits.attempts),
                Failure::Unreachable(reason) => (reason, None, self.limits.attempts.min(2)),
                Failure::Afresh(_) if !afresh => {
                    afresh = true;
                    empty(file)?;
                    continue;
                }
                _ => return Err(failure),
            };
            let length = length(file)?;
            failed = if length > best { 1 } else { failed + 1 };
            best = best.max(length);
            if failed >= attempts {
                return Err(failure);
            }
            let pause = pause.unwrap_or(self.limits.pause * 2_u32.pow((failed - 1).min(6)));
            eprintln!(
                "{name}: {} {reason}; trying again in {:.0} s",
                network::host(url),
                pause.as_secs_f64()
            );
            std::thread::sleep(pause);
        }
    }

    fn attempt(
        &self,
        agent: &Agent,
        url: &str,
        file: &mut File,
        name: &str,
        etag: &mut Option<String>,
    ) -> Result<(), Failure> {
        let mut start = length(file)?;
        if self.size.is_some_and(|size| start > size)
            || (self.sha256.is_none() && self.size == Some(start))
        {
            empty(file)?;
            start = 0;
        }
        let began_with = start;
        if self.size != Some(start) || start == 0 {
            let (response, promised) = network::ask(agent, url, start, &self.limits)?;
            let headers = response.headers();
            let (mut size, mut hash) = (self.size, self.sha256.clone());
            match (&hash, &promised.sha256) {
                (Some(ours), Some(theirs)) if !ours.eq_ignore_ascii_case(theirs) => {
                    return Err(Failure::Elsewhere(format!(
                        "holds another file by that name (SHA-256 {theirs})"
                    )));
                }
                (None, Some(theirs)) => hash = Some(theirs.clone()),
                _ => {}
            }
            size = size.or(promised.size);

            let total = match response.status().as_u16() {
                206 => {
                    let (from, total) = network::content_range(headers).unwrap_or((u64::MAX, None));
                    let same = hash.is_some() || (etag.is_some() && *etag == text(headers, "etag"));
                    if from != start || !same {
                        return Err(Failure::Afresh(
                            "answered with a piece that does not fit".into(),
                        ));
                    }
                    total
                }
                200 => {
                    if start > 0 {
                        empty(file)?;
                        start = 0;
                    }
                    text(headers, "content-length").and_then(|length| length.parse().ok())
                }
                // Nothing is left to send: either the part is the whole file, or it belongs to another one.
                416 if hash.is_some() => return check(file, hash.as_deref(), true),
                416 => return Err(Failure::Afresh("has fewer bytes than lie here".into())),
                status => return Err(network::refusal(status, headers)),
            };
            if network::is_page(headers) {
                return Err(Failure::Elsewhere(
                    "answered with a web page instead of the file (a sign-in page of the network, perhaps)".into(),
                ));
            }
            if let (Some(size), Some(total)) = (size, total)
                && size != total
            {
                return Err(Failure::Elsewhere(format!(
                    "offers {total} bytes where {size} were published"
                )));
            }
            *etag = text(headers, "etag").filter(|tag| !tag.starts_with("W/"));
            let total = size.or(total);
            let progress = Progress::new(name, &network::host(url), start, total);
            self.receive(response.into_body(), file, total, progress)?;
            if let Some(total) = total {
                let received = length(file)?;
                if received < total {
                    return Err(Failure::Again(
                        format!("broke off after {received} of {total} bytes"),
                        None,
                    ));
                }
            }
            return check(file, hash.as_deref(), began_with > 0 && start > 0);
        }
        check(file, self.sha256.as_deref(), true)
    }

    /// Appends the body to the file.
    fn receive(
        &self,
        body: Body,
        file: &mut File,
        total: Option<u64>,
        mut progress: Progress,
    ) -> Result<(), Failure> {
        let name = progress.name.clone();
        let here = |error: io::Error| Failure::Here(cannot_write(&error, Path::new(&name)));
        let mut position = progress.position;
        file.seek(SeekFrom::Start(position)).map_err(here)?;
        let mut body = body.into_reader();
        let mut buffer = vec![0; 1 << 16];
        let (mut window, mut in_window) = (Instant::now(), 0);
        loop {
            let count = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(network::failure(error.into(), &self.limits)),
            };
            if position == 0 && network::looks_like_page(&buffer[..count]) {
                return Err(Failure::Elsewhere(
                    "answered with a web page instead of the file".into(),
                ));
            }
            position += count as u64;
            if total.is_some_and(|total| position > total) {
                empty(file)?;
                return Err(Failure::Elsewhere("sends more bytes than were published".into()));
            }
            file.write_all(&buffer[..count]).map_err(here)?;
            progress.at(position);
            in_window += count as u64;
            if window.elapsed() >= self.limits.silence {
                if in_window < TRICKLE_BYTES {
                    let seconds = self.limits.silence.as_secs_f64();
                    return Err(Failure::Again(
                        format!("sent only {in_window} bytes in {seconds:.0} s"),
                        None,
                    ));
                }
                (window, in_window) = (Instant::now(), 0);
            }
        }
        progress.done();
        Ok(())
    }
}

/// The last test: the SHA-256 of what arrived.
fn check(file: &mut File, expected: Option<&str>, resumed: bool) -> Result<(), Failure> {
    let Some(expected) = expected else { return Ok(()) };
    let hash = hash_of(file)
        .map_err(|error| Failure::Here(anyhow!("cannot read back what was fetched: {error}")))?;
    if hash.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    let reason = format!("delivered a file with SHA-256 {hash} instead of {expected}");
    if resumed {
        return Err(Failure::Afresh(reason));
    }
    empty(file)?;
    Err(Failure::Elsewhere(reason))
}

/// What a failure to write means, in one sentence.
fn cannot_write(error: &io::Error, path: &Path) -> anyhow::Error {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            anyhow!(
                "no space left for {path}; free some and run the command again, it goes on where it stopped"
            )
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            anyhow!(
                "no permission to write {path}; give it to yourself or work in a folder of your own"
            )
        }
        _ => anyhow!("cannot write {path}: {error}"),
    }
}

/// Opens the part file and waits until it is ours alone.
fn take(part: &Path, name: &str) -> Result<File> {
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(part)
            .map_err(|error| cannot_write(&error, part))?;
        // Some network file systems know no locks; there we go on without one.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            eprintln!("another process is fetching {name}; waiting for it");
            file.lock().map_err(|error| cannot_write(&error, part))?;
        }
        // While we waited, what we opened may have been renamed or removed, and another begun in its place.
        if same_file(&file, part) {
            return Ok(file);
        }
    }
}

#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same_file(_: &File, path: &Path) -> bool {
    path.exists()
}

fn part_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    path.with_file_name(name)
}

fn length(file: &File) -> Result<u64, Failure> {
    let metadata = file
        .metadata()
        .map_err(|error| Failure::Here(anyhow!("cannot look at the part: {error}")))?;
    Ok(metadata.len())
}

fn empty(file: &mut File) -> Result<(), Failure> {
    file.set_len(0).map_err(|error| Failure::Here(anyhow!("cannot begin the file afresh: {error}")))
}

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// If the file cannot be read.
pub fn sha256(path: &Path) -> io::Result<String> {
    hash_of(&mut File::open(path)?)
}

fn hash_of(file: &mut File) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// Bytes as two hexadecimal digits each.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a string cannot fail
        text
    })
}

/// Writes a small file so that a reader sees the old contents or the new, and leaves an equal one untouched.
///
/// # Errors
/// If it cannot be written.
pub fn write_atomically(path: &Path, contents: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == contents) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| cannot_write(&error, folder))?;
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".writing").tempfile_in(folder)?;
        file.write_all(contents.as_bytes())?;
        file.as_file().sync_all()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| cannot_write(&error, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_file_has_its_well_known_hash() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        assert_eq!(
            sha256(file.path()).expect("a hash"),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn an_equal_file_is_not_written_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("config.toml");
        write_atomically(&path, "a = 1\n").expect("written");
        let before = fs::metadata(&path).and_then(|data| data.modified()).expect("a time");
        std::thread::sleep(Duration::from_millis(20));
        write_atomically(&path, "a = 1\n").expect("left alone");
        assert_eq!(before, fs::metadata(&path).and_then(|data| data.modified()).expect("a time"));
        write_atomically(&path, "a = 2\n").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("text"), "a = 2\n");
    }
}
