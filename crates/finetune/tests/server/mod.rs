//! A server that tests ask over this machine's own network.

#![allow(dead_code)] // each test uses a part of it

#[path = "../small/mod.rs"]
mod small;

use finetune::{export, serve::limits::BODY_BYTES};
use model::config::Gpt2Config;
use serde_json::{Value, json};
use small::{SIZES, untrained};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// A server with a small model, which ends with this value.
pub struct Server {
    pub child: Child,
    pub stdout: BufReader<ChildStdout>,
    pub address: String,
    pub folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn small_model(folder: &Path) {
    let model = untrained(Gpt2Config { layers: 2, ..SIZES });
    export::export(folder, &model).expect("a writable folder");
}

pub fn start(port: u16) -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    small_model(folder.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_finetune"));
    command.args([
        "serve",
        "--threads",
        "1",
        "--path",
        "lesson",
        "--port",
        &port.to_string(),
        "--weights",
    ]);
    let mut child =
        command.arg(folder.path()).stdout(Stdio::piped()).spawn().expect("the command runs");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    let address = line.split_whitespace().nth(1).unwrap_or_else(|| panic!("{line:?}"));
    let address = address.trim_end_matches('/').trim_start_matches("http://").to_owned();
    Server { child, stdout, address, folder }
}

impl Server {
    /// Sends a request as it is, and reads the answer to its end: the status, and the body.
    pub fn raw(&self, request: &str) -> (u16, String) {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("it reads");
        rest(stream)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a limit");
        stream
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        self.raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        ))
    }

    pub fn post(&self, path: &str, body: &str) -> (u16, String) {
        rest(self.send(path, body))
    }

    /// Asks, and reads nothing yet.
    pub fn send(&self, path: &str, body: &str) -> TcpStream {
        let (mut stream, length) = (self.connect(), body.len());
        let sent = write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}",
            self.address
        );
        // Of too much it reads a part, answers and goes.
        assert!(sent.is_ok() || length > BODY_BYTES, "{sent:?}");
        stream
    }

    pub fn ask(&self, path: &str, body: &Value) -> Value {
        let (status, said) = self.post(path, &body.to_string());
        assert_eq!(status, 200, "{path}: {said}");
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    pub fn complete(&self, prompt: &str, more: &Value) -> Value {
        let mut body = json!({ "prompt": prompt, "max_tokens": 12, "temperature": 1, "seed": 7 });
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        self.ask("/v1/completions", &body)
    }
}

/// The text of a completion.
pub fn text(reply: &Value) -> String {
    reply["choices"][0]["text"].as_str().expect("a text").to_owned()
}

/// What is still to come of an answer: the status, and the body.
pub fn rest(mut stream: TcpStream) -> (u16, String) {
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer); // a reset ends an answer as well
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status.unwrap_or_else(|| panic!("{answer:?}")), body.to_owned())
}
