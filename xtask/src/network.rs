//! How a server is asked, and what its answers and its silence mean.

use std::fs;

use anyhow::{Context, Result};
use ureq::http::{HeaderMap, Response, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::failure::{Failure, Limits, Next, failure, text};

const REDIRECTS: usize = 10;

/// What a server says of the file before it sends it.
#[derive(Default)]
pub(crate) struct Promise {
    pub(crate) size: Option<u64>,
    pub(crate) sha256: Option<String>,
    pub(crate) commit: Option<String>,
}

/// Asks for the file from byte `start` on, follows redirections by hand, and notes what the servers on the way promise.
/// The token is shown to the server of `url` alone.
pub(crate) fn ask(
    agent: &Agent,
    url: &str,
    start: u64,
    token: Option<&str>,
    limits: &Limits,
) -> Result<(Response<Body>, Promise), Failure> {
    let mut address = url.to_owned();
    let mut promise = Promise::default();
    for _ in 0..=REDIRECTS {
        // Compressed transfer would make ranges and lengths speak of other bytes than the file's.
        let mut request = agent.get(&address).header("accept-encoding", "identity");
        if let Some(token) = token.filter(|_| origin(&address) == origin(url)) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if start > 0 {
            request = request.header("range", format!("bytes={start}-"));
        }
        if is_loopback(&address) {
            request = request.config().proxy(None).build();
        }
        let response = request
            .call()
            .map_err(|error| through_proxy(failure(error, limits), agent, &address))?;
        promise.note(response.headers());
        if !response.status().is_redirection() || response.status().as_u16() == 304 {
            return Ok((response, promise));
        }
        let location = text(response.headers(), "location");
        let next = location.and_then(|location| resolve(&address, &location));
        let next = next.ok_or_else(|| Next::Elsewhere.because("redirects to nowhere"))?;
        if address.starts_with("https:") && !next.starts_with("https:") {
            return Err(Next::Elsewhere.because("redirects to an address without encryption"));
        }
        address = next;
    }
    Err(Next::Elsewhere.because(format!("redirects more than {REDIRECTS} times")))
}

impl Promise {
    /// Takes what the headers of Hugging Face say of a large file.
    fn note(&mut self, headers: &HeaderMap) {
        if let Some(commit) = text(headers, "x-repo-commit") {
            self.commit = Some(commit);
        }
        let Some(tag) = text(headers, "x-linked-etag") else { return };
        let hash = tag.trim_matches('"').to_ascii_lowercase();
        if hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            self.sha256 = Some(hash);
            self.size = text(headers, "x-linked-size").and_then(|size| size.parse().ok());
        }
    }
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

/// Adds the proxy to the reason, where one stands between.
fn through_proxy(failure: Failure, agent: &Agent, url: &str) -> Failure {
    let uri: Option<Uri> = url.parse().ok();
    let proxy = agent.config().proxy().filter(|proxy| {
        !is_loopback(url) && !uri.as_ref().is_some_and(|uri| proxy.is_no_proxy(uri))
    });
    let Some(proxy) = proxy else { return failure };
    let Failure { reason, next } = failure;
    next.because(format!("{reason} (asked through the proxy {}:{})", proxy.host(), proxy.port()))
}

/// First byte and total of `Content-Range: bytes 100-199/200`.
pub(crate) fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let value = text(headers, "content-range")?;
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
}

/// What it means that a web page came instead of the file.
pub(crate) fn page() -> Failure {
    let what = "answered with a web page instead of the file";
    Next::Elsewhere.because(format!("{what} (a sign-in page of the network, perhaps)"))
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

/// Scheme, host and port of an address.
pub(crate) fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{authority}").to_ascii_lowercase())
}

fn is_loopback(url: &str) -> bool {
    matches!(host(url).as_str(), "localhost" | "127.0.0.1" | "[::1]")
}

/// The address that `location` means when `base` sends it.
fn resolve(base: &str, location: &str) -> Option<String> {
    if location.contains("://") {
        return Some(location.to_owned());
    }
    let ((scheme, _), origin) = (base.split_once("://")?, origin(base)?);
    if location.starts_with("//") {
        return Some(format!("{scheme}:{location}"));
    }
    if location.starts_with('/') {
        return Some(format!("{origin}{location}"));
    }
    let path = base[origin.len()..].split(['?', '#']).next()?;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(format!("{origin}{folder}/{location}"))
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
