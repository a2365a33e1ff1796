//! What is known of a file while it comes here, from before and from what the servers say.

use ureq::{Body, http::Response};

use crate::failure::{Failure, Next, refusal, text};
use crate::network::{self, Promise};

/// What is known of a file while it comes from one address.
pub struct Known<'a> {
    pub url: &'a str,
    pub name: &'a str,
    pub size: Option<u64>,
    pub sha256: Option<String>,
    pub etag: Option<String>,
}

impl Known<'_> {
    /// Takes what the servers promise where nothing was known, and refuses another file.
    pub fn agree(&mut self, promised: Promise) -> Result<(), Failure> {
        match (&self.sha256, promised.sha256) {
            (Some(ours), Some(theirs)) if !ours.eq_ignore_ascii_case(&theirs) => {
                let reason = format!("holds another file by that name (SHA-256 {theirs})");
                return Err(Next::Elsewhere.because(reason));
            }
            (None, theirs) => self.sha256 = theirs,
            _ => {}
        }
        self.size = self.size.or(promised.size);
        Ok(())
    }

    /// The size of the whole file by the headers of an answer that brings it from byte `start` on, or from the first.
    pub fn offered(
        &mut self,
        response: &Response<Body>,
        start: u64,
    ) -> Result<Option<u64>, Failure> {
        let headers = response.headers();
        let total = match response.status().as_u16() {
            206 => {
                let (from, total) = network::content_range(headers).unwrap_or((u64::MAX, None));
                let is_same_etag = self.etag.is_some() && self.etag == text(headers, "etag");
                if from != start || !(self.sha256.is_some() || is_same_etag) {
                    return Err(Next::Afresh.because("answered with a piece that does not fit"));
                }
                total
            }
            200 => text(headers, "content-length").and_then(|length| length.parse().ok()),
            416 => return Err(Next::Afresh.because("has fewer bytes than lie here")),
            status => return Err(refusal(status, headers)),
        };
        if network::is_page(headers) {
            return Err(network::page());
        }
        if let (Some(size), Some(total)) = (self.size, total)
            && size != total
        {
            let reason = format!("offers {total} bytes where {size} were published");
            return Err(Next::Elsewhere.because(reason));
        }
        self.etag = text(headers, "etag").filter(|tag| !tag.starts_with("W/"));
        Ok(total)
    }
}
