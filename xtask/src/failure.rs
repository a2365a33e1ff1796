//! Why an attempt to download failed, and when patience ends.

use std::error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use ureq::http::HeaderMap;
use ureq::{Error, Timeout};

const NAMELESS: &str = "has no address (no network, or no name server)";

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

/// A server that was reached and does not hand out the file: another attempt changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The status of the answer, such as 404.
    pub status: u16,
    /// What the hub calls the reason (`X-Error-Code`), such as `GatedRepo`.
    pub code: Option<String>,
    /// The sentence for the user.
    pub sentence: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

impl error::Error for Refused {}

/// Why an attempt failed.
pub(crate) struct Failure {
    pub(crate) reason: String,
    pub(crate) next: Next,
}

/// What to do next.
pub(crate) enum Next {
    /// The same address may work in a moment, at the earliest after this pause.
    Again(Option<Duration>),
    /// Nobody was there; one more attempt shows whether it was an accident.
    Unreachable,
    /// What lies here already does not fit; the same address is asked for the whole file.
    Afresh,
    /// Another address may work.
    Elsewhere,
    /// The server was reached and does not hand out the file: its status, and what the hub calls the reason.
    Refused(u16, Option<String>),
    /// Nothing on the network can help.
    Here,
}

use Next::{Again, Elsewhere, Unreachable};

impl Next {
    /// The failure after which this comes next.
    pub(crate) fn because(self, reason: impl Into<String>) -> Failure {
        Failure { reason: reason.into(), next: self }
    }
}

/// A failure on the way to the server, in words.
pub(crate) fn failure(error: Error, limits: &Limits) -> Failure {
    let connect_s = limits.connect.as_secs_f64();
    match error {
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
            Unreachable.because(format!("did not answer within {connect_s:.0} s"))
        }
        Error::Timeout(_) => Again(None).because(silent(limits)),
        Error::HostNotFound => Unreachable.because(NAMELESS),
        Error::Io(error) if error.to_string().contains("lookup address") => {
            Unreachable.because(NAMELESS)
        }
        Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            Unreachable.because("refused the connection")
        }
        Error::Io(error) => Again(None).because(broken_off(&error, limits)),
        Error::ConnectProxyFailed(reason) => {
            Elsewhere.because(format!("cannot be reached through the proxy, which said: {reason}"))
        }
        Error::InvalidProxyUrl => {
            Elsewhere.because("needs a proxy whose address cannot be understood")
        }
        Error::BadUri(reason) => Elsewhere.because(format!("is no address: {reason}")),
        Error::Rustls(error) => Elsewhere.because(distrusted(&error)),
        error => Again(None).because(format!("failed ({error})")),
    }
}

/// What went wrong on a connection that stood.
fn broken_off(error: &io::Error, limits: &Limits) -> String {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof => {
            "broke off the connection".into()
        }
        ErrorKind::TimedOut => silent(limits),
        ErrorKind::InvalidData => distrusted(error),
        _ => format!("failed ({error})"),
    }
}

fn silent(limits: &Limits) -> String {
    format!("fell silent for {:.0} s", limits.silence.as_secs_f64())
}

fn distrusted(error: &dyn error::Error) -> String {
    format!(
        "could not be trusted ({error}; behind a proxy that signs itself, set SSL_CERT_FILE to its certificate)"
    )
}

/// What a status that brings no file means.
pub(crate) fn refusal(status: u16, headers: &HeaderMap) -> Failure {
    let refused = |reason: &str| {
        let code = text(headers, "x-error-code");
        Next::Refused(status, code).because(format!("{reason} (status {status})"))
    };
    match status {
        404 | 410 => refused("does not have it"),
        401 => refused("does not give it to us without a token that it knows"),
        403 => refused("does not give it to us"),
        407 => Elsewhere
            .because("lies behind a proxy that asks for a name and a password (status 407)"),
        408 | 425 | 429 | 500..=599 => {
            let pause = text(headers, "retry-after").and_then(|seconds| seconds.parse().ok());
            let pause = pause.map(|seconds: u64| Duration::from_secs(seconds.min(60)));
            Again(pause).because(format!("is busy or broken (status {status})"))
        }
        _ => Elsewhere.because(format!("answered with status {status}")),
    }
}

/// A header's value.
pub(crate) fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}
