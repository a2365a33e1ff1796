//! What is let in, and how much of it: each refusal is a status from 400 on and a sentence.

use super::App;
use anyhow::Error;
use axum::{
    Json,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::time::timeout;

/// Bytes of a request.
pub const BODY_BYTES: usize = 1 << 20;
/// For so long a client may send nothing or read nothing, and within this time the head of a request must have come, and its body.
pub const SILENCE: Duration = Duration::from_secs(10);
/// Tokens of a prompt.
pub const PROMPT_TOKENS: usize = 8192;
/// Tokens that one request may have written.
pub const NEW_TOKENS: usize = 4096;
/// Stop texts of a request.
pub const STOP_TEXTS: usize = 16;
/// Seconds for which one request may have tokens written.
pub const WRITING_SECONDS: u64 = 300;
/// Connections at the same time.
pub const CONNECTIONS: usize = 128;
/// Requests that wait for the model.
pub const WAITING: usize = 64;

/// Why a request is not answered.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    sentence: String,
}

impl Refusal {
    /// A refusal of this status.
    pub fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into() }
    }

    /// What was asked makes no sense.
    pub fn bad(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    /// What was asked did not come in time.
    pub fn late() -> Self {
        let sentence = format!("the request did not come within {} seconds", SILENCE.as_secs());
        Self::new(StatusCode::REQUEST_TIMEOUT, sentence)
    }

    /// In the form that clients of OpenAI's interface understand.
    fn body(&self) -> Value {
        let kind =
            if self.status.is_server_error() { "server_error" } else { "invalid_request_error" };
        json!({ "error": { "message": self.sentence, "type": kind, "param": null, "code": self.status.as_u16() } })
    }

    /// The whole answer, for a connection on which no request has come.
    pub fn raw(&self) -> String {
        let (status, body) = (self.status, self.body().to_string());
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::bad(format!("{error:#}"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}

/// Reads the JSON of a request.
///
/// # Errors
/// If it is too long, takes too long, or is not what is expected.
pub async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Refusal> {
    let body = timeout(SILENCE, to_bytes(request.into_body(), BODY_BYTES)).await;
    let body = body.map_err(|_| Refusal::late())?;
    let Ok(body) = body else {
        let sentence = format!("the request has more than {BODY_BYTES} bytes, or broke off");
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, sentence));
    };
    serde_json::from_slice(&body)
        .map_err(|error| Refusal::bad(format!("the request makes no sense: {error}")))
}

/// Lets in what comes from this page or from no page at all.
pub async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match check_source(request.headers(), app.host.as_deref()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// A page of another site can have its visitor's browser ask us. It says so in `Origin`; and where its name has been made to lead to
/// this machine, the name is in `Host`.
///
/// # Source
/// The WHATWG's Fetch standard, section 3.2, for `Origin`; "DNS rebinding" for why a name in `Host` is refused and an address is not.
fn check_source(headers: &HeaderMap, ours: Option<&str>) -> Result<(), Refusal> {
    let forbidden = |sentence: String| Err(Refusal::new(StatusCode::FORBIDDEN, sentence));
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(header::HOST).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host, // without a port, but perhaps an address in brackets, which has colons
    };
    let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let is_ours = |ours: &str| name.eq_ignore_ascii_case(ours);
    if !is_address && !is_ours("localhost") && !ours.is_some_and(is_ours) {
        return forbidden(format!(
            "this server is asked for by its address or as localhost, not as {host:?}"
        ));
    }
    match text(header::ORIGIN) {
        Some(origin) if origin != format!("http://{host}") => {
            forbidden(format!("pages of {origin:?} may not use this server"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_page_or_no_page_is_let_in_and_only_by_an_address() {
        let allowed = |host: &str, origin: Option<&str>, ours| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().expect("a header"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().expect("a header"));
            }
            check_source(&headers, ours).is_ok()
        };
        for host in [
            "127.0.0.1:8000",
            "localhost:8000",
            "[::1]:8000",
            "192.168.1.7:8000",
            "localhost",
            "[::1]",
            "LocalHost:8000",
        ] {
            assert!(allowed(host, None, None), "{host}");
            assert!(allowed(host, Some(&format!("http://{host}")), None), "{host}");
        }
        for host in [
            "evil.example:8000",
            "",
            "localhost.evil.example:8000",
            "127.0.0.1.evil.example",
            "[::1].evil.example:8000",
            "evil.example:80:80",
            "localhost@evil.example",
            "evil.example:80@localhost",
        ] {
            assert!(!allowed(host, None, None), "{host}");
        }
        for origin in
            ["http://evil.example", "null", "http://localhost:9000", "https://localhost:8000"]
        {
            assert!(!allowed("localhost:8000", Some(origin), None), "{origin}");
        }
        assert!(allowed("my-box:8000", None, Some("my-box")));
    }
}
