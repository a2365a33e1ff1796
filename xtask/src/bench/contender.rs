//! One program of a comparison: it loads once, does a repetition for each line `go`, and tells how long it took.
//!
//! What it prints are JSON lines: its name and versions, one line for each repetition, and at the end of its input its peak memory.
//! A contender that cannot run for want of a package says so instead of giving its name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
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
    output: BufReader<ChildStdout>,
    errors: File,
    repetitions: usize,
}

impl Contender {
    /// Starts a program and waits until it has loaded.
    ///
    /// # Errors
    /// If it cannot be started or run here, dies, or breaks the protocol.
    pub fn start(label: &str, command: &mut Command) -> Result<Self> {
        let errors = tempfile::tempfile().context("cannot make a temporary file")?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors.try_clone()?);
        let mut child = command.spawn().with_context(|| format!("cannot start {label}"))?;
        let output = BufReader::new(child.stdout.take().context("its output was not piped")?);
        let (name, versions) = (label.to_owned(), BTreeMap::new());
        let mut this = Self { name, versions, child, output, errors, repetitions: 0 };
        match this.answer("while it loaded")? {
            Hello::Absent { absent } => bail!("{label}: {absent}"),
            Hello::Here { contender, versions } => {
                (this.name, this.versions) = (contender, versions);
                Ok(this)
            }
        }
    }

    /// Lets it do one repetition.
    ///
    /// # Errors
    /// If it dies or breaks the protocol.
    pub fn go(&mut self) -> Result<Repetition> {
        self.repetitions += 1;
        if let Some(input) = &mut self.child.stdin {
            // A contender that has died cannot read this; the missing answer tells.
            let _ = writeln!(input, "go").and_then(|()| input.flush());
        }
        let when = format!("in repetition {}", self.repetitions);
        let repetition: Repetition = self.answer(&when)?;
        let Repetition { seconds, tokens, .. } = repetition;
        let is_time = seconds > 0.0 && seconds.is_finite() && tokens > 0.0;
        ensure!(is_time, "{} measured {repetition:?} {when}, which is no time", self.name);
        Ok(repetition)
    }

    /// Lets it end, and tells the most memory that it had.
    ///
    /// # Errors
    /// If it dies or breaks the protocol.
    pub fn finish(mut self) -> Result<u64> {
        self.child.stdin = None;
        let goodbye: Goodbye = self.answer("at its end")?;
        Ok(goodbye.peak_bytes)
    }

    fn answer<T: DeserializeOwned>(&mut self, when: &str) -> Result<T> {
        let (mut line, name) = (String::new(), self.name.clone());
        let read = self.output.read_line(&mut line);
        read.with_context(|| format!("cannot read what {name} says"))?;
        if line.is_empty() {
            let status = self.child.wait().with_context(|| format!("cannot wait for {name}"))?;
            bail!("{name} died {when} ({status}): {}", self.last_words());
        }
        let said = line.trim_end();
        serde_json::from_str(&line)
            .with_context(|| format!("{name} said {said:?} {when}, which is no answer"))
    }

    /// The last line on its standard error.
    fn last_words(&mut self) -> String {
        let mut text = Vec::new();
        let read = self.errors.rewind().and_then(|()| self.errors.read_to_end(&mut text));
        let text = String::from_utf8_lossy(&text);
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        let last = if read.is_ok() { last } else { Some("its last words are lost") };
        last.unwrap_or("it said nothing").to_owned()
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
