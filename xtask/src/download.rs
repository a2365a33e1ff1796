//! How one file comes here whole, or not at all.
//!
//! A download writes to `NAME.part`, goes on there after an interruption, and is renamed to `NAME` only after its size
//! and its SHA-256 were found right. So whatever carries the final name is complete. Two processes that want the same
//! file take turns: the second waits for the first and then finds the file there.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use ureq::Agent;

pub use crate::disk::{hex, sha256, write_atomically};
pub use crate::failure::{Limits, Refused};

use crate::disk::cannot_write;
use crate::failure::{Failure, Next};
use crate::known::Known;
use crate::network;
use crate::part::Part;
use crate::progress::Progress;

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
    /// What the server of the first address asks for as proof of who we are; it is never shown to another host, be it a mirror or one
    /// to which that server redirects.
    pub token: Option<String>,
    /// When to lose patience.
    pub limits: Limits,
}

impl Download {
    /// A file of which only the address is known.
    pub fn new(url: impl Into<String>) -> Self {
        let limits = Limits::default();
        Self { urls: vec![url.into()], size: None, sha256: None, token: None, limits }
    }

    /// Whether `path` holds the file: it exists and has the size and the SHA-256 that are known.
    pub fn is_complete(&self, path: &Path) -> bool {
        let Ok(found) = fs::metadata(path) else { return false };
        let has = |known: &String| sha256(path).is_ok_and(|hash| hash.eq_ignore_ascii_case(known));
        found.is_file()
            && self.size.is_none_or(|size| size == found.len())
            && self.sha256.as_ref().is_none_or(has)
    }

    /// Brings the file to `path`, and does nothing where it is complete already.
    ///
    /// # Errors
    /// If no address delivers the file, or it cannot be written: one sentence that says why and what to do. The part
    /// that did arrive is kept, and the next call goes on from there. Where every address refuses, the error is a [`Refused`].
    pub fn to(&self, path: &Path) -> Result<()> {
        if self.is_complete(path) {
            return Ok(());
        }
        if path.is_file() {
            eprintln!("{} is not the file that was published; fetching it again", path.display());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| cannot_write(&error, folder))?;
        }
        let mut part = Part::take(path)?;
        if self.is_complete(path) {
            // Another process was faster; what we hold is either its finished file or an empty one of our own.
            part.remove();
            return Ok(());
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match self.try_all(&mut part, &name)? {
            None => part.finish(path),
            Some((reasons, refused)) => {
                if part.length().is_ok_and(|length| length == 0) {
                    part.remove();
                }
                if let Some(refused) = refused {
                    let sentence = format!("cannot fetch {name}: {reasons}");
                    return Err(Refused { sentence, ..refused }.into());
                }
                let mend =
                    "check the connection and run the command again, it goes on where it stopped";
                bail!("cannot fetch {name}: {reasons}; {mend}")
            }
        }
    }

    /// Tries all addresses in turn; returns why none of them delivered, with a refusal if all refuse, or nothing where one did.
    fn try_all(&self, part: &mut Part, name: &str) -> Result<Option<(String, Option<Refused>)>> {
        let agent = network::agent(&self.limits)?;
        let (mut reasons, mut absent, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for url in &self.urls {
            let server = url.split('/').nth(2);
            if absent.contains(&server) {
                continue;
            }
            let tried = self.try_address(&agent, url, part, name);
            let Err(Failure { reason, next }) = tried else { return Ok(None) };
            match next {
                Next::Here => bail!("{reason}"),
                Next::Unreachable => absent.push(server),
                Next::Refused(status, code) => {
                    refused.push(Refused { status, code, sentence: reason.clone() });
                }
                Next::Again(_) | Next::Afresh | Next::Elsewhere => {}
            }
            reasons.push(format!("{} {reason}", network::host(url)));
        }
        let all = refused.len() == reasons.len();
        Ok(Some((reasons.join("; "), refused.into_iter().next().filter(|_| all))))
    }

    /// Tries one address until it delivers, fails for good, or has used up its attempts.
    fn try_address(
        &self,
        agent: &Agent,
        url: &str,
        part: &mut Part,
        name: &str,
    ) -> Result<(), Failure> {
        let (mut best, mut failed, mut afresh) = (0, 0, false);
        let mut known =
            Known { url, name, size: self.size, sha256: self.sha256.clone(), etag: None };
        loop {
            let Err(failure) = self.attempt(agent, part, &mut known) else { return Ok(()) };
            let (pause, attempts) = match failure.next {
                Next::Again(pause) => (pause, self.limits.attempts),
                Next::Unreachable => (None, self.limits.attempts.min(2)),
                Next::Afresh if !afresh => {
                    afresh = true;
                    part.empty()?;
                    continue;
                }
                _ => return Err(failure),
            };
            let length = part.length()?;
            failed = if length > best { 1 } else { failed + 1 };
            best = best.max(length);
            if failed >= attempts {
                return Err(failure);
            }
            let pause = pause.unwrap_or(self.limits.pause * 2_u32.pow((failed - 1).min(6)));
            let (host, seconds) = (network::host(url), pause.as_secs_f64());
            eprintln!("{name}: {host} {}; trying again in {seconds:.0} s", failure.reason);
            std::thread::sleep(pause);
        }
    }

    /// Asks for what is not here yet.
    fn attempt(&self, agent: &Agent, part: &mut Part, known: &mut Known) -> Result<(), Failure> {
        let mut start = part.length()?;
        let is_unknown = self.sha256.is_none() && self.size == Some(start);
        if is_unknown || self.size.is_some_and(|size| start > size) {
            part.empty()?;
            start = 0;
        }
        if start > 0 && self.size == Some(start) {
            return part.check(self.sha256.as_deref(), true);
        }
        let first = self.urls.first().and_then(|url| network::origin(url));
        let token = self.token.as_deref().filter(|_| network::origin(known.url) == first);
        let (response, promised) = network::ask(agent, known.url, start, token, &self.limits)?;
        (known.size, known.sha256) = (self.size, self.sha256.clone());
        known.agree(promised)?;
        if response.status().as_u16() == 416 && known.sha256.is_some() {
            // Nothing is left to send: either the part is the whole file, or it belongs to another one.
            return part.check(known.sha256.as_deref(), true);
        }
        let offered = known.offered(&response, start)?;
        if response.status().as_u16() == 200 && start > 0 {
            part.empty()?;
            start = 0;
        }
        let total = known.size.or(offered);
        let progress = Progress::new(known.name, &network::host(known.url), start, total);
        part.receive(response.into_body(), total, progress, &self.limits)?;
        let received = part.length()?;
        match total {
            Some(total) if received < total => {
                let reason = format!("broke off after {received} of {total} bytes");
                Err(Next::Again(None).because(reason))
            }
            _ => part.check(known.sha256.as_deref(), start > 0),
        }
    }
}

/// The commit that a server of Hugging Face hands out a file of, by its `X-Repo-Commit`; nothing where it does not say, or not answer.
pub fn commit(url: &str, token: Option<&str>) -> Option<String> {
    let limits = Limits::default();
    let agent = network::agent(&limits).ok()?;
    let (response, promised) = network::ask(&agent, url, 0, token, &limits).ok()?;
    let is_there = response.status().is_success();
    promised.commit.filter(|commit| {
        is_there && !commit.is_empty() && commit.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}
