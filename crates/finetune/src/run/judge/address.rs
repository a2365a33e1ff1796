//! Where a judge is (chapter 5.5): what `OLLAMA_HOST` and `--judge-url` may hold, and what of it may be shown.

use std::net::IpAddr;
use ureq::http::Uri;

/// The port that Ollama listens at.
const OLLAMA_PORT: &str = "11434";
/// What is behind the root of a server in the addresses that people copy.
const ENDPOINTS: [&str; 8] = [
    "/chat/completions",
    "/completions",
    "/responses",
    "/models",
    "/api/chat",
    "/api/generate",
    "/api/tags",
    "/api",
];

/// An address in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Scheme, host, port and path, without a slash at the end and without anything secret.
    pub base: String,
    /// `?api-version=…`, or nothing.
    pub query: String,
    /// `user:password`.
    pub login: Option<String>,
}

impl Address {
    /// Completes an `OLLAMA_HOST` as Ollama does: scheme `http`, this computer, port 11434, or that of the scheme where one is given.
    ///
    /// # Differs
    /// A user and password may stand before the host, and `0.0.0.0`, at which a server listens, is this computer.
    ///
    /// # Source
    /// `Host` in `envconfig/config.go` of Ollama.
    pub fn of_ollama(host: &str) -> Self {
        let host = unquoted(host);
        let (scheme, rest, default_port) = match host.split_once("://") {
            None if host == "ollama.com" => ("https", host, "443"),
            None => ("http", host, OLLAMA_PORT),
            Some((scheme @ "http", rest)) => (scheme, rest, "80"),
            Some((scheme @ "https", rest)) => (scheme, rest, "443"),
            Some((scheme, rest)) => (scheme, rest, OLLAMA_PORT),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, authority) = split_login(authority);
        let (name, port) =
            split_port(authority).unwrap_or((authority.trim_matches(['[', ']']), default_port));
        let port = if port.parse::<u16>().is_ok() { port } else { default_port };
        let name = if name.is_empty() || name == "0.0.0.0" { "127.0.0.1" } else { name };
        let name = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
        let path = without_endpoint(path.trim_end_matches('/'));
        let slash = if path.is_empty() { "" } else { "/" };
        let path = path.trim_matches('/');
        Self { base: format!("{scheme}://{name}:{port}{slash}{path}"), query: String::new(), login }
    }

    /// The base of a server of OpenAI's dialect, to which `/chat/completions` is added: with `/v1` where the address names no version.
    pub fn of_openai(address: &str) -> Self {
        let address = unquoted(address);
        let (address, query) = address.split_at(address.find('?').unwrap_or(address.len()));
        let address = address.split('#').next().unwrap_or_default();
        let (scheme, rest) =
            address.split_once("://").unwrap_or_else(|| (scheme_for(address), address));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (login, authority) = split_login(authority);
        let authority = if authority.parse::<std::net::Ipv6Addr>().is_ok() {
            format!("[{authority}]")
        } else if authority.starts_with(':') || authority.is_empty() {
            format!("127.0.0.1{authority}")
        } else {
            authority.to_owned()
        };
        let given = path.trim_end_matches('/');
        let path = without_endpoint(given);
        let whole = given.ends_with("/chat/completions") && !path.is_empty();
        let is_version = |part: &str| {
            let mut letters = part.chars();
            letters.next() == Some('v') && letters.next().is_some_and(|c| c.is_ascii_digit())
        };
        let versioned = whole || path.split('/').any(is_version);
        let version = if versioned { "" } else { "/v1" };
        Self {
            base: format!("{scheme}://{authority}{path}{version}"),
            query: query.to_owned(),
            login,
        }
    }

    /// Takes an address of the common dialect if anybody could be there.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(address: &str) -> Result<String, String> {
        let given = unquoted(address);
        let (scheme, rest) = given.split_once("://").unwrap_or(("http", given));
        if rest.trim_matches('/').is_empty() {
            return Err("an address must name a server, such as localhost:8080".to_owned());
        }
        if !["http", "https"].contains(&scheme) {
            return Err(format!("a server is asked by http or https, not {scheme}"));
        }
        let base = Self::of_openai(address).base;
        let uri: Uri =
            base.parse().map_err(|error| format!("{base} is not an address: {error}"))?;
        let port = uri.authority().and_then(|authority| split_port(authority.as_str()));
        match port {
            Some((_, port)) if uri.port_u16().is_none() => {
                Err(format!("{port:?} is not a port; ports are 1 to 65535"))
            }
            _ => Ok(address.to_owned()),
        }
    }

    /// Whether this computer itself is meant.
    pub fn is_here(&self) -> bool {
        ["http://127.0.0.1", "http://localhost", "http://[::1]"]
            .iter()
            .any(|here| self.base.starts_with(here))
    }
}

/// A value without the spaces and quotes that shells and service files leave around it.
fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\'']).trim()
}

/// A path without the endpoint that was copied with it.
fn without_endpoint(path: &str) -> &str {
    let rooted = |endpoint: &str| {
        let bare = endpoint.trim_start_matches('/');
        path.strip_suffix(endpoint).or_else(|| (path == bare).then_some(""))
    };
    ENDPOINTS.into_iter().find_map(rooted).unwrap_or(path).trim_end_matches('/')
}

fn split_login(authority: &str) -> (Option<String>, &str) {
    match authority.rsplit_once('@') {
        Some((login, host)) => (Some(login.to_owned()), host),
        None => (None, authority),
    }
}

/// Host and port, as Go's `net.SplitHostPort` sees them: none where there is no port, or more than one colon outside brackets.
fn split_port(authority: &str) -> Option<(&str, &str)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        return Some((host, port.strip_prefix(':')?));
    }
    authority.split_once(':').filter(|(_, port)| !port.contains(':'))
}

/// Servers of this computer and its network rarely speak TLS; a key must not travel further without it.
fn scheme_for(address: &str) -> &'static str {
    let authority = address.split('/').next().unwrap_or_default();
    let host = split_login(authority).1;
    let host = split_port(host).map_or(host, |(host, _)| host).trim_matches(['[', ']']);
    if host.parse::<IpAddr>().is_ok()
        || !host.contains('.')
        || host.rsplit('.').next() == Some("local")
    {
        "http"
    } else {
        "https"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_completed_as_ollama_completes_it() {
        for (host, base) in [
            ("", "http://127.0.0.1:11434"),
            ("1.2.3.4", "http://1.2.3.4:11434"),
            (":1234", "http://127.0.0.1:1234"),
            ("10.0.0.5:4000", "http://10.0.0.5:4000"),
            ("example.org", "http://example.org:11434"),
            (":66000", "http://127.0.0.1:11434"),
            (":-1", "http://127.0.0.1:11434"),
            ("[::1]", "http://[::1]:11434"),
            ("[::]", "http://[::]:11434"),
            ("::1", "http://[::1]:11434"),
            ("[::1]:1337", "http://[::1]:1337"),
            (" 1.2.3.4 ", "http://1.2.3.4:11434"),
            ("\"1.2.3.4\"", "http://1.2.3.4:11434"),
            (" \" 1.2.3.4 \" ", "http://1.2.3.4:11434"),
            ("'1.2.3.4'", "http://1.2.3.4:11434"),
            ("http://1.2.3.4", "http://1.2.3.4:80"),
            ("http://1.2.3.4:4321", "http://1.2.3.4:4321"),
            ("https://example.org/", "https://example.org:443"),
            ("https://example.com/ollama", "https://example.com:443/ollama"),
            ("https://example.com/a/b/", "https://example.com:443/a/b"),
            ("example.com:1234/api", "http://example.com:1234"),
            ("http://h:1/ollama/api/chat", "http://h:1/ollama"),
            ("ollama.com", "https://ollama.com:443"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("http://me:secret@h:1", "http://h:1"),
        ] {
            assert_eq!(Address::of_ollama(host).base, base, "{host}");
        }
        let login = Address::of_ollama("https://me:se:cr@et@h/x").login;
        assert_eq!(login.as_deref(), Some("me:se:cr@et"));
    }

    #[test]
    fn an_address_of_the_common_dialect_is_taken_in_every_form_that_people_copy() {
        for (address, base) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
            ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1"),
            ("http://127.0.0.1:8080/v1/chat/completions", "http://127.0.0.1:8080/v1"),
            ("http://127.0.0.1:8080/chat/completions", "http://127.0.0.1:8080/v1"),
            ("http://127.0.0.1:8080/v1/models", "http://127.0.0.1:8080/v1"),
            ("http://127.0.0.1:11434/api/chat", "http://127.0.0.1:11434/v1"),
            ("localhost:8080", "http://localhost:8080/v1"),
            (":8080", "http://127.0.0.1:8080/v1"),
            ("::1", "http://[::1]/v1"),
            ("[::1]:8080/v1", "http://[::1]:8080/v1"),
            ("api.example.com/v1", "https://api.example.com/v1"),
            ("\"https://api.example.com/openai/v1\"", "https://api.example.com/openai/v1"),
            ("https://example.com/v1beta/openai/", "https://example.com/v1beta/openai"),
            ("https://me:secret@example.com", "https://example.com/v1"),
        ] {
            assert_eq!(Address::of_openai(address).base, base, "{address}");
        }
        for address in ["localhost:8080", "http://[::1]:8080/v1", "::1", "https://me:p@h/v1", ":80"]
        {
            assert_eq!(Address::check(address).as_deref(), Ok(address));
        }
        for (address, said) in [
            ("", "must name a server"),
            ("http://", "must name a server"),
            ("127.0.0.1:99999", "\"99999\" is not a port"),
            ("localhost:", "\"\" is not a port"),
            ("http://[::1", "is not an address"),
            ("unix:///run/x", "not unix"),
        ] {
            let error = Address::check(address).expect_err(address);
            assert!(error.contains(said), "{address}: {error}");
        }
        let azure =
            "https://x.example/openai/deployments/d/chat/completions?api-version=2024-06-01";
        let azure = Address::of_openai(azure);
        assert_eq!(
            (azure.base.as_str(), azure.query.as_str()),
            ("https://x.example/openai/deployments/d", "?api-version=2024-06-01")
        );
    }
}
