//! One program of a comparison: it loads once, does a repetition for each line `go`, and tells how long it took.
//!
//! What it prints are JSON lines: its name and versions, one line for each repetition, and at the end of its input its peak memory.
//! A contender that cannot run for want of a package says so instead of giving its name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What a contender says when it has loaded.
#[derive(Deserialize)]
#[serde(untagged)]
enum Hello {
    Here { contender: String, versions: BTreeMap<String, String> },
    Absent { absent: String },
}

/// One repetition.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Repetition {
    /// How long it took.
    pub seconds: f64,
    /// What was worked off in that time: tokens, or examples in fine-tuning.
    pub tokens: f64,
    /// The loss of a training step.
    pub loss: Option<f64>,
}

#[derive(Deserialize)]
struct Goodbye {
    peak_bytes: u64,
}

/// A program that is ready for repetitions; it ends with this value.
pub struct Contender {
    /// What it calls itself.
    pub name: String,
    /// The versions of what it rests on.
    pub versions: BTreeMap<String, String>,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    errors: File,
    repetitions: usize,
}

/// What became of starting one.
pub enum Started {
    /// It has loaded.
    Ready(Contender),
    /// It cannot run here, and why.
    Absent(String),
}

impl Contender {
    /// Starts a program and waits until it has loaded.
    ///
    /// # Errors
    /// If it cannot be started, dies, or breaks the protocol.
    pub fn start(label: &str, command: &mut Command) -> Result<Started> {
        let errors = tempfile::tempfile().context("cannot make a temporary file")?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone().context("cannot share a temporary file")?)
            .spawn()
            .with_context(|| format!("cannot start {label}"))?;
        let output = BufReader::new(child.stdout.take().context("its output was not piped")?);
        let (input, versions) = (child.stdin.take(), BTreeMap::new());
        let mut this =
            Self { name: label.to_owned(), versions, child, input, output, errors, repetitions: 0 };
        match this.answer("while it loaded")? {
            Hello::Absent { absent } => Ok(Started::Absent(absent)),
            Hello::Here { contender, versions } => {
                (this.name, this.versions) = (contender, versions);
                Ok(Started::Ready(this))
            }
        }
    }

    /// Lets it do one repetition.
    ///
    /// # Errors
    /// If it dies or breaks the protocol.
    pub fn go(&mut self) -> Result<Repetition> {
        self.repetitions += 1;
        if let Some(input) = &mut self.input {
            // A contender that has died cannot read this; the missing answer tells.
            let _ = writeln!(input, "go").and_then(|()| input.flush());
        }
        let when = format!("in repetition {}", self.repetitions);
        let repetition: Repetition = self.answer(&when)?;
        if !(repetition.seconds > 0.0 && repetition.tokens > 0.0 && repetition.seconds.is_finite())
        {
            bail!("{} measured {repetition:?} {when}, which is no time", self.name);
        }
        Ok(repetition)
    }

    /// Lets it end, and tells the most memory that it had.
    ///
    /// # Errors
    /// If it dies or breaks the protocol.
    pub fn finish(mut self) -> Result<u64> {
        self.input = None;
        let goodbye: Goodbye = self.answer("at its end")?;
        Ok(goodbye.peak_bytes)
    }

    fn answer<T: DeserializeOwned>(&mut self, when: &str) -> Result<T> {
        let mut line = String::new();
        self.output
            .read_line(&mut line)
            .with_context(|| format!("cannot read what {} says", self.name))?;
        if line.is_empty() {
            let status =
                self.child.wait().with_context(|| format!("cannot wait for {}", self.name))?;
            let last_words = self.last_words();
            bail!("{} died {when} ({status}): {last_words}", self.name);
        }
        serde_json::from_str(&line).with_context(|| {
            format!("{} said {:?} {when}, which is no answer", self.name, line.trim_end())
        })
    }

    /// The last line on its standard error.
    fn last_words(&mut self) -> String {
        let mut text = Vec::new();
        let read = self.errors.rewind().and_then(|()| self.errors.read_to_end(&mut text));
        let text = String::from_utf8_lossy(&text);
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        if read.is_err() { "its last words are lost" } else { last.unwrap_or("it said nothing") }
            .trim()
            .to_owned()
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        self.input = None;
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
