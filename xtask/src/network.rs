//! How a server is asked, and what its answers and its silence mean.

use std::fs;
use std::io;
use std::time::Duration;

use anyhow::{Context, Result};
use ureq::http::{HeaderMap, Response, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::download::Limits;

const REDIRECTS: usize = 10;

/// Why an attempt failed, and so what to do next.
pub(crate) enum Failure {
    /// The same address may work in a moment, at the earliest after this pause.
    Again(String, Option<Duration>),
    /// Nobody was there; one more attempt shows whether it was an accident.
    Unreachable(String),
    /// What lies here already does not fit; the same address is asked for the whole file.
    Afresh(String),
    /// Another address may work.
    Elsewhere(String),
    /// Nothing on the network can help.
    Here(anyhow::Error),
}

/// What a server says of the file before it sends it.
#[derive(Default)]
pub(crate) struct Promise {
    pub(crate) size: Option<u64>,
    pub(crate) sha256: Option<String>,
}

/// Asks for the file from byte `start` on, follows redirections by hand, and notes what the servers on the way promise.
pub(crate) fn ask(
    agent: &Agent,
    url: &str,
    start: u64,
    limits: &Limits,
) -> Result<(Response<Body>, Promise), Failure> {
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
        let response = request
            .call()
            .map_err(|error| through_proxy(failure(error, limits), agent, &address))?;
        let headers = response.headers();
        if let Some(hash) =
            text(headers, "x-linked-etag").map(|tag| tag.trim_matches('"').to_ascii_lowercase())
            && hash.len() == 64
            && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
        {
            promise.sha256 = Some(hash);
            promise.size = text(headers, "x-linked-size").and_then(|size| size.parse().ok());
        }
        if !response.status().is_redirection() || response.status().as_u16() == 304 {
            return Ok((response, promise));
        }
        let Some(next) =
            text(headers, "location").and_then(|location| resolve(&address, &location))
        else {
            return Err(Failure::Elsewhere("redirects to nowhere".into()));
        };
        if address.starts_with("https:") && !next.starts_with("https:") {
            return Err(Failure::Elsewhere("redirects to an address without encryption".into()));
        }
        address = next;
    }
    Err(Failure::Elsewhere(format!("redirects more than {REDIRECTS} times")))
}

/// What sends the requests.
pub(crate) fn agent(limits: &Limits) -> Result<Agent> {
    let mut tls = TlsConfig::builder();
    // The variable that OpenSSL, Python and curl's builds know, for networks whose proxy signs with its own certificate.
    if let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
        let pem = fs::read(&path)
            .with_context(|| format!("cannot read SSL_CERT_FILE {}", path.display()))?;
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
pub(crate) fn failure(error: ureq::Error, limits: &Limits) -> Failure {
    use ureq::{Error, Timeout};
    let again = |reason: String| Failure::Again(reason, None);
    let nameless = || Failure::Unreachable("has no address (no network, or no name server)".into());
    match error {
        Error::HostNotFound => nameless(),
        Error::Io(error) if error.to_string().contains("lookup address") => nameless(),
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => Failure::Unreachable(format!(
            "did not answer within {:.0} s",
            limits.connect.as_secs_f64()
        )),
        Error::Timeout(_) => {
            again(format!("fell silent for {:.0} s", limits.silence.as_secs_f64()))
        }
        Error::ConnectProxyFailed(reason) => {
            Failure::Elsewhere(format!("cannot be reached through the proxy, which said: {reason}"))
        }
        Error::InvalidProxyUrl => {
            Failure::Elsewhere("needs a proxy whose address cannot be understood".into())
        }
        Error::BadUri(reason) => Failure::Elsewhere(format!("is no address: {reason}")),
        Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Failure::Unreachable("refused the connection".into())
        }
        Error::Io(error) => again(match error.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::UnexpectedEof => "broke off the connection".into(),
            io::ErrorKind::TimedOut => {
                format!("fell silent for {:.0} s", limits.silence.as_secs_f64())
            }
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
fn through_proxy(reason: Failure, agent: &Agent, url: &str) -> Failure {
    let uri: Option<Uri> = url.parse().ok();
    let proxy = agent.config().proxy().filter(|proxy| {
        !is_loopback(url) && !uri.as_ref().is_some_and(|uri| proxy.is_no_proxy(uri))
    });
    let Some(proxy) = proxy else { return reason };
    let via = |reason: String| {
        format!("{reason} (asked through the proxy {}:{})", proxy.host(), proxy.port())
    };
    match reason {
        Failure::Again(reason, pause) => Failure::Again(via(reason), pause),
        Failure::Unreachable(reason) => Failure::Unreachable(via(reason)),
        Failure::Elsewhere(reason) => Failure::Elsewhere(via(reason)),
        other => other,
    }
}

/// What a status that brings no file means.
pub(crate) fn refusal(status: u16, headers: &HeaderMap) -> Failure {
    match status {
        404 | 410 => Failure::Elsewhere(format!("does not have it (status {status})")),
        401 | 403 => Failure::Elsewhere(format!("does not give it to us (status {status})")),
        407 => Failure::Elsewhere(
            "lies behind a proxy that asks for a name and a password (status 407)".into(),
        ),
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

/// A header's value.
pub(crate) fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

/// First byte and total of `Content-Range: bytes 100-199/200`.
pub(crate) fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let value = text(headers, "content-range")?;
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
}

/// Whether the answer calls itself a web page.
pub(crate) fn is_page(headers: &HeaderMap) -> bool {
    text(headers, "content-type")
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
}

/// Whether bytes begin as a web page does, whatever the answer calls itself.
pub(crate) fn looks_like_page(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    ["<!doctype html", "<html"].iter().any(|mark| {
        start.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark.as_bytes()))
    })
}

/// The host of an address.
pub(crate) fn host(url: &str) -> String {
    url.parse::<Uri>()
        .ok()
        .and_then(|uri| uri.host().map(str::to_owned))
        .unwrap_or_else(|| url.to_owned())
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
}
