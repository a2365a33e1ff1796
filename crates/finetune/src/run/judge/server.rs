//! The server behind which a judge is (chapter 5.5): how it is reached, and what of it may be shown.

use super::address::Address;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use std::{io, time::Duration};
use ureq::{Body, Error, http::Response};

/// The longest time a judge may take for one mark.
const PATIENCE: Duration = Duration::from_mins(10);
/// The longest time that a server may take to say that it is there.
const GREETING: Duration = Duration::from_secs(5);

/// A server, with the key that it may want to see.
#[derive(Debug, Clone)]
pub struct Server {
    address: Address,
    key: Option<String>,
    agent: ureq::Agent,
}

impl Server {
    /// A server that is asked for no key, with as much patience as a slow model needs.
    pub fn new(address: Address) -> Self {
        let agent = agent(&address, PATIENCE);
        Self { address, key: None, agent }
    }

    /// Waits so long for each answer.
    pub fn set_patience(&mut self, patience: Duration) {
        self.agent = agent(&self.address, patience);
    }

    /// Shows the server a key from now on, unless it is empty.
    pub fn set_key(&mut self, key: Option<&str>) {
        self.key = key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
    }

    /// Where it is, without the password that may belong to it.
    pub fn address(&self) -> &str {
        &self.address.base
    }

    /// Whether anybody listens at this path.
    pub fn answers(&self, path: &str) -> bool {
        let mut request = self.agent.get(self.endpoint(path));
        if let Some(authorization) = self.authorization() {
            request = request.header("Authorization", authorization);
        }
        request.config().timeout_global(Some(GREETING)).build().call().is_ok()
    }

    /// Sends a body to a path, and returns what comes, whatever its status.
    ///
    /// # Errors
    /// If the server cannot be reached, or takes too long.
    pub fn post(&self, path: &str, body: Value) -> Result<Response<Body>, Error> {
        let mut request = self.agent.post(self.endpoint(path));
        if let Some(authorization) = self.authorization() {
            request = request.header("Authorization", authorization);
        }
        request.send_json(body)
    }

    fn endpoint(&self, path: &str) -> String {
        format!("{}{path}{}", self.address.base, self.address.query)
    }

    fn authorization(&self) -> Option<String> {
        let login = self.address.login.as_ref();
        let basic = login.map(|login| format!("Basic {}", BASE64_STANDARD.encode(login)));
        basic.or_else(|| Some(format!("Bearer {}", self.key.as_ref()?)))
    }

    /// Words of the server, in which it may repeat what only it should know.
    pub fn without_secrets(&self, text: &str) -> String {
        let password = self.address.login.as_deref().and_then(|login| login.split_once(':'));
        let secrets = [self.key.as_deref(), password.map(|(_, password)| password)];
        let secrets = secrets.into_iter().flatten().filter(|secret| !secret.is_empty());
        secrets.fold(text.trim().to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

/// A client that tells a status from a failure, gives up in the end, and asks no proxy for this computer's own address.
fn agent(address: &Address, patience: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(2)))
        .timeout_global(Some(patience))
        .http_status_as_error(false);
    if address.is_here() { config.proxy(None).build().into() } else { config.build().into() }
}

/// Whether a body could not be read for want of time.
pub fn is_timeout(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| {
        cause.kind() == io::ErrorKind::TimedOut
            || cause
                .get_ref()
                .and_then(|inner| inner.downcast_ref())
                .is_some_and(|inner| matches!(inner, Error::Timeout(_)))
    })
}
