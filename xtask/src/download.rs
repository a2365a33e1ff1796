//! How one file comes here whole, or not at all.
//!
//! A download writes to `NAME.part`, goes on there after an interruption, and is renamed to `NAME` only after its size
//! and its SHA-256 were found right. So whatever carries the final name is complete. Two processes that want the same
//! file take turns: the second waits for the first and then finds the file there.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sha2::{Digest, Sha256};
use ureq::http::{HeaderMap, Response, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// A server that sends fewer bytes than this within [`Limits::silence`] counts as silent.
const TRICKLE_BYTES: u64 = 1024;
const REDIRECTS: usize = 10;

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

/// Why an attempt failed, and so what to do next.
enum Failure {
    /// The same address may work in a moment, at the earliest after this pause.
    Again(String, Option<Duration>),
    /// What lies here already does not fit; the same address is asked for the whole file.
    Afresh(String),
    /// Another address may work.
    Elsewhere(String),
    /// Nothing on the network can help.
    Here(anyhow::Error),
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
            && self.sha256.as_ref().is_none_or(|known| sha256(path).is_ok_and(|hash| hash.eq_ignore_ascii_case(known)))
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

        let agent = agent(&self.limits)?;
        let mut reasons = Vec::new();
        for url in &self.urls {
            match self.try_address(&agent, url, &mut file, &name) {
                Ok(()) => {
                    file.sync_all().map_err(|error| cannot_write(&error, &part))?;
                    fs::rename(&part, path).map_err(|error| cannot_write(&error, path))?;
                    return Ok(());
                }
                Err(Failure::Here(error)) => return Err(error),
                Err(Failure::Again(reason, _) | Failure::Afresh(reason) | Failure::Elsewhere(reason)) => {
                    reasons.push(format!("{} {reason}", host(url)));
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
    fn try_address(&self, agent: &Agent, url: &str, file: &mut File, name: &str) -> Result<(), Failure> {
        let mut best = 0;
        let mut failed = 0;
        let mut etag = None;
        let mut afresh = false;
        loop {
            let (reason, pause) = match self.attempt(agent, url, file, name, &mut etag) {
                Ok(()) => return Ok(()),
                Err(Failure::Again(reason, pause)) => (reason, pause),
                Err(Failure::Afresh(_)) if !afresh => {
                    afresh = true;
                    empty(file)?;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            let length = length(file)?;
            failed = if length > best { 1 } else { failed + 1 };
            best = best.max(length);
            if failed >= self.limits.attempts.max(1) {
                return Err(Failure::Elsewhere(reason));
            }
            let pause = pause.unwrap_or(self.limits.pause * 2_u32.pow((failed - 1).min(6)));
            eprintln!("{name}: {} {reason}; trying again in {:.0} s", host(url), pause.as_secs_f64());
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
        if self.size.is_some_and(|size| start > size) || (self.sha256.is_none() && self.size == Some(start)) {
            empty(file)?;
            start = 0;
        }
        let began_with = start;
        if self.size != Some(start) || start == 0 {
            let (response, promised) = ask(agent, url, start, &self.limits)?;
            let headers = response.headers();
            let (mut size, mut hash) = (self.size, self.sha256.clone());
            match (&hash, &promised.sha256) {
                (Some(ours), Some(theirs)) if !ours.eq_ignore_ascii_case(theirs) => {
                    return Err(Failure::Elsewhere(format!("holds another file by that name (SHA-256 {theirs})")));
                }
                (None, Some(theirs)) => hash = Some(theirs.clone()),
                _ => {}
            }
            size = size.or(promised.size);

            let total = match response.status().as_u16() {
                206 => {
                    let (from, total) = content_range(headers).unwrap_or((u64::MAX, None));
                    let same = hash.is_some() || (etag.is_some() && *etag == text(headers, "etag"));
                    if from != start || !same {
                        return Err(Failure::Afresh("answered with a piece that does not fit".into()));
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
                status => return Err(refusal(status, headers)),
            };
            if is_page(headers) {
                return Err(Failure::Elsewhere(
                    "answered with a web page instead of the file (a sign-in page of the network, perhaps)".into(),
                ));
            }
            if let (Some(size), Some(total)) = (size, total)
                && size != total
            {
                return Err(Failure::Elsewhere(format!("offers {total} bytes where {size} were published")));
            }
            *etag = text(headers, "etag").filter(|tag| !tag.starts_with("W/"));
            let total = size.or(total);
            self.receive(response.into_body(), file, start, total, &mut Progress::new(name, &host(url), start, total))?;
            if let Some(total) = total {
                let received = length(file)?;
                if received < total {
                    return Err(Failure::Again(format!("broke off after {received} of {total} bytes"), None));
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
        start: u64,
        total: Option<u64>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let name = progress.name.clone();
        let here = |error: io::Error| Failure::Here(cannot_write(&error, Path::new(&name)));
        file.seek(SeekFrom::Start(start)).map_err(here)?;
        let mut body = body.into_reader();
        let mut buffer = vec![0; 1 << 16];
        let mut position = start;
        let (mut window, mut in_window) = (Instant::now(), 0);
        loop {
            let count = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(network(error.into(), &self.limits)),
            };
            if position == 0 && looks_like_page(&buffer[..count]) {
                return Err(Failure::Elsewhere("answered with a web page instead of the file".into()));
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
                    return Err(Failure::Again(format!("sent only {in_window} bytes in {seconds:.0} s"), None));
                }
                (window, in_window) = (Instant::now(), 0);
            }
        }
        progress.done();
        Ok(())
    }
}

/// What a server says of the file before it sends it.
#[derive(Default)]
struct Promise {
    size: Option<u64>,
    sha256: Option<String>,
}

/// Asks for the file from byte `start` on, follows redirections by hand, and notes what the servers on the way promise.
fn ask(agent: &Agent, url: &str, start: u64, limits: &Limits) -> Result<(Response<Body>, Promise), Failure> {
    let mut address = url.to_owned();
    let mut promise = Promise::default();
    for _ in 0..=REDIRECTS {
        // Compressed transfer would make ranges and lengths speak of other bytes than the file's.
        let mut request = agent.get(&address).header("accept-encoding", "identity");
        if start > 0 {
            request = request.header("range", format!("bytes={start}-"));
        }
        if is_loopback(&address) {
            request = request.config().proxy(None).build();
        }
        let response = request.call().map_err(|error| through_proxy(network(error, limits), agent, &address))?;
        let headers = response.headers();
        if let Some(hash) = text(headers, "x-linked-etag").map(|tag| tag.trim_matches('"').to_ascii_lowercase())
            && hash.len() == 64
            && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
        {
            promise.sha256 = Some(hash);
            promise.size = text(headers, "x-linked-size").and_then(|size| size.parse().ok());
        }
        if !response.status().is_redirection() || response.status().as_u16() == 304 {
            return Ok((response, promise));
        }
        let Some(next) = text(headers, "location").and_then(|location| resolve(&address, &location)) else {
            return Err(Failure::Elsewhere("redirects to nowhere".into()));
        };
        if address.starts_with("https:") && !next.starts_with("https:") {
            return Err(Failure::Elsewhere("redirects to an address without encryption".into()));
        }
        address = next;
    }
    Err(Failure::Elsewhere(format!("redirects more than {REDIRECTS} times")))
}

/// The last test: the SHA-256 of what arrived.
fn check(file: &mut File, expected: Option<&str>, resumed: bool) -> Result<(), Failure> {
    let Some(expected) = expected else { return Ok(()) };
    let hash = hash_of(file).map_err(|error| Failure::Here(anyhow!("cannot read back what was fetched: {error}")))?;
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

fn agent(limits: &Limits) -> Result<Agent> {
    let mut tls = TlsConfig::builder();
    // The variable that OpenSSL, Python and curl's builds know, for networks whose proxy signs with its own certificate.
    if let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
        let pem = fs::read(&path).with_context(|| format!("cannot read SSL_CERT_FILE {}", path.display()))?;
        let certificates = ureq::tls::parse_pem(&pem).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        });
        tls = tls.root_certs(RootCerts::from(certificates));
    }
    Ok(Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("gpt2-from-scratch/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(limits.connect))
        .timeout_connect(Some(limits.connect))
        .timeout_recv_response(Some(limits.silence))
        .timeout_per_read(Some(limits.silence))
        .timeout_per_write(Some(limits.silence))
        .tls_config(tls.build())
        .build()
        .into())
}

/// A failure on the way to the server, in words.
fn network(error: ureq::Error, limits: &Limits) -> Failure {
    use ureq::{Error, Timeout};
    let again = |reason: String| Failure::Again(reason, None);
    match error {
        Error::HostNotFound => again("has no address (no network, or no name server)".into()),
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
            again(format!("did not answer within {:.0} s", limits.connect.as_secs_f64()))
        }
        Error::Timeout(_) => again(format!("fell silent for {:.0} s", limits.silence.as_secs_f64())),
        Error::ConnectProxyFailed(reason) => {
            Failure::Elsewhere(format!("cannot be reached through the proxy, which said: {reason}"))
        }
        Error::InvalidProxyUrl => Failure::Elsewhere("needs a proxy whose address cannot be understood".into()),
        Error::BadUri(reason) => Failure::Elsewhere(format!("is no address: {reason}")),
        Error::Io(error) => again(match error.kind() {
            io::ErrorKind::ConnectionRefused => "refused the connection".into(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof => {
                "broke off the connection".into()
            }
            io::ErrorKind::TimedOut => format!("fell silent for {:.0} s", limits.silence.as_secs_f64()),
            io::ErrorKind::InvalidData => format!(
                "could not be trusted ({error}; behind a proxy that signs itself, set SSL_CERT_FILE to its certificate)"
            ),
            _ => format!("failed ({error})"),
        }),
        Error::Rustls(error) => Failure::Elsewhere(format!(
            "could not be trusted ({error}; behind a proxy that signs itself, set SSL_CERT_FILE to its certificate)"
        )),
        error => again(format!("failed ({error})")),
    }
}

/// Adds the proxy to the reason, where one stands between.
fn through_proxy(failure: Failure, agent: &Agent, url: &str) -> Failure {
    let uri: Option<Uri> = url.parse().ok();
    let proxy = agent
        .config()
        .proxy()
        .filter(|proxy| !is_loopback(url) && !uri.as_ref().is_some_and(|uri| proxy.is_no_proxy(uri)));
    let Some(proxy) = proxy else { return failure };
    let via = |reason: String| format!("{reason} (asked through the proxy {}:{})", proxy.host(), proxy.port());
    match failure {
        Failure::Again(reason, pause) => Failure::Again(via(reason), pause),
        Failure::Elsewhere(reason) => Failure::Elsewhere(via(reason)),
        other => other,
    }
}

fn refusal(status: u16, headers: &HeaderMap) -> Failure {
    match status {
        404 | 410 => Failure::Elsewhere(format!("does not have it (status {status})")),
        401 | 403 => Failure::Elsewhere(format!("does not give it to us (status {status})")),
        407 => Failure::Elsewhere("lies behind a proxy that asks for a name and a password (status 407)".into()),
        408 | 425 | 429 | 500..=599 => {
            let pause = text(headers, "retry-after").and_then(|seconds| seconds.parse().ok());
            Failure::Again(
                format!("is busy or broken (status {status})"),
                pause.map(|seconds: u64| Duration::from_secs(seconds.min(60))),
            )
        }
        _ => Failure::Elsewhere(format!("answered with status {status}")),
    }
}

/// What a failure to write means, in one sentence.
fn cannot_write(error: &io::Error, path: &Path) -> anyhow::Error {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            anyhow!("no space left for {path}; free some and run the command again, it goes on where it stopped")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            anyhow!("no permission to write {path}; give it to yourself or work in a folder of your own")
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
    let metadata = file.metadata().map_err(|error| Failure::Here(anyhow!("cannot look at the part: {error}")))?;
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

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
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

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

/// First byte and total of `Content-Range: bytes 100-199/200`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let value = text(headers, "content-range")?;
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
}

fn is_page(headers: &HeaderMap) -> bool {
    text(headers, "content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
}

fn looks_like_page(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    ["<!doctype html", "<html"]
        .iter()
        .any(|mark| start.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark.as_bytes())))
}

fn host(url: &str) -> String {
    url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_else(|| url.to_owned())
}

fn is_loopback(url: &str) -> bool {
    matches!(host(url).as_str(), "localhost" | "127.0.0.1" | "[::1]")
}

/// The address that `location` means when `base` sends it.
fn resolve(base: &str, location: &str) -> Option<String> {
    if location.contains("://") {
        return Some(location.to_owned());
    }
    let (scheme, rest) = base.split_once("://")?;
    if location.starts_with("//") {
        return Some(format!("{scheme}:{location}"));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (origin, path) = rest.split_at(end);
    if location.starts_with('/') {
        return Some(format!("{scheme}://{origin}{location}"));
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let folder = path.rfind('/').map_or("", |slash| &path[..slash]);
    Some(format!("{scheme}://{origin}{folder}/{location}"))
}

/// Progress on stderr: a bar on a terminal, now and then a line elsewhere, nothing for a file that is there at once.
struct Progress {
    name: String,
    bar: Option<ProgressBar>,
    total: Option<u64>,
    position: u64,
    spoke: Instant,
}

impl Progress {
    fn new(name: &str, host: &str, start: u64, total: Option<u64>) -> Self {
        let terminal = io::stderr().is_terminal();
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            let style =
                ProgressStyle::with_template("{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
            if let Ok(style) = style {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_message(name.to_owned());
            bar.set_position(start);
            bar
        });
        if !terminal {
            let size = total.map_or(String::new(), |total| format!(" ({})", megabytes(total)));
            let from = if start > 0 { format!(", from {} on", megabytes(start)) } else { String::new() };
            eprintln!("fetching {name}{size} from {host}{from}");
        }
        Self { name: name.to_owned(), bar, total, position: start, spoke: Instant::now() }
    }

    fn at(&mut self, position: u64) {
        self.position = position;
        if let Some(bar) = &self.bar {
            bar.set_position(position);
        } else if self.spoke.elapsed() >= Duration::from_secs(10) {
            let of = self.total.map_or(String::new(), |total| format!(" of {}", megabytes(total)));
            eprintln!("{}: {}{of}", self.name, megabytes(position));
            self.spoke = Instant::now();
        }
    }

    fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            eprintln!("fetched {} ({})", self.name, megabytes(self.position));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A size in the unit that reads best.
pub(crate) fn megabytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..10_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_is_understood_in_each_of_its_forms() {
        let base = "https://example.org/a/b?c=1";
        for (location, expected) in [
            ("https://cdn.example.org/x", "https://cdn.example.org/x"),
            ("//cdn.example.org/x", "https://cdn.example.org/x"),
            ("/x", "https://example.org/x"),
            ("x", "https://example.org/a/x"),
        ] {
            assert_eq!(resolve(base, location).as_deref(), Some(expected), "{location}");
        }
    }

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
