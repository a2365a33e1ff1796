//! Programs of the reader's workspace: what judges is built, and run to its end or to its time limit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fs_err as fs;
use serde_json::Value;

use super::judge::Program;
use crate::contents::Demo;
use crate::run::{cargo, words};

/// How long a program may run: an endless loop is a wrong solution too.
pub const LIMIT: Duration = Duration::from_mins(1);
/// How long cargo may compile before the reader is told why nothing is to be seen.
const SILENCE: Duration = Duration::from_secs(5);
/// What is said first of a program that ran longer.
pub const STOPPED: &str = "stopped";

/// An error of the compiler.
#[derive(Debug, Clone)]
pub struct CompileError {
    /// Seen from the workspace; empty where there is none.
    pub file: String,
    pub line: usize,
    /// As the compiler shows it.
    pub rendered: String,
}

/// What a build gave.
#[derive(Debug, Default)]
pub struct Build {
    /// By target and crate.
    programs: BTreeMap<(String, String), PathBuf>,
    pub errors: Vec<CompileError>,
    /// What cargo said beside errors of code.
    pub complaint: String,
    pub succeeded: bool,
}

impl Build {
    /// Builds programs of tests, crate by crate, up to the first that does not compile.
    pub fn tests(folder: &Path, programs: &[&Program]) -> Result<Self> {
        let mut sorted = programs.to_vec();
        sorted.sort();
        let commands = sorted.chunk_by(|one, other| one.krate == other.krate).map(|of_crate| {
            let mut command = cargo(folder);
            command.args(["test", "--no-run", "-p", &of_crate[0].krate]);
            for program in of_crate {
                match &program.file {
                    Some(file) => command.args(["--test", file]),
                    None => command.arg("--lib"),
                };
            }
            command
        });
        Self::all(folder, commands)
    }

    /// Builds demos, crate by crate, up to the first that does not compile.
    pub fn demos(folder: &Path, demos: &[Demo]) -> Result<Self> {
        let mut sorted = demos.to_vec();
        sorted.sort_by_key(|demo| demo.krate);
        let commands = sorted.chunk_by(|one, other| one.krate == other.krate).map(|of_crate| {
            let mut command = cargo(folder);
            command.args(["build", "-p", of_crate[0].krate]);
            for demo in of_crate {
                command.args(["--example", demo.name]);
            }
            command
        });
        Self::all(folder, commands)
    }

    fn all(folder: &Path, commands: impl Iterator<Item = Command>) -> Result<Self> {
        let mut whole = Self { succeeded: true, ..Self::default() };
        for command in commands {
            let build = Self::run(folder, command)?;
            if !build.succeeded {
                return Ok(build);
            }
            whole.join(build);
        }
        Ok(whole)
    }

    fn run(folder: &Path, mut command: Command) -> Result<Self> {
        // Not the folder that an environment variable may name for all projects of this machine.
        command.env("CARGO_TARGET_DIR", target(folder));
        command.args(["--offline", "--quiet", "--message-format", "json"]).stdin(Stdio::null());
        let say = || eprintln!("  compiling; the first time in a chapter takes longest");
        let output = with_word_after(SILENCE, say, || command.output());
        let output = output.with_context(|| format!("cannot start {}", words(&command)))?;
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        let succeeded = output.status.success();
        let mut build = Self { complaint, succeeded, ..Self::default() };
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Ok(message) = serde_json::from_str(line) {
                build.take(&message);
            }
        }
        Ok(build)
    }

    /// Takes in one of cargo's messages.
    fn take(&mut self, message: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // A program that tests start has the name of its library: it is no judge.
        let judges =
            message["profile"]["test"] == true || message["target"]["kind"][0] == "example";
        if let (true, Some(program), Some(path)) =
            (judges, message["executable"].as_str(), message["manifest_path"].as_str())
        {
            let krate = Path::new(path).parent().and_then(Path::file_name).unwrap_or_default();
            let key = (text(&message["target"]["name"]), krate.to_string_lossy().into_owned());
            self.programs.insert(key, program.into());
        }
        let error = &message["message"];
        if error["level"] == "error" {
            self.take_error(error, text(&error["rendered"]));
        }
    }

    /// Takes in an error of the compiler; one that has no place in the code, as of a full disk, is a complaint.
    fn take_error(&mut self, error: &Value, rendered: String) {
        let spans = error["spans"].as_array().into_iter().flatten();
        if let Some(span) = spans.clone().find(|span| span["is_primary"] == true).or(spans.last()) {
            self.errors.push(CompileError {
                file: span["file_name"].as_str().unwrap_or_default().to_owned(),
                line: span["line_start"].as_u64().unwrap_or_default() as usize,
                rendered,
            });
        } else if !rendered.starts_with("error: aborting") {
            self.complaint = format!("{rendered}{}", self.complaint);
        }
    }

    /// Where a program of tests lies.
    pub fn test(&self, program: &Program) -> Result<&Path> {
        self.program(program.file.as_ref().unwrap_or(&program.krate), &program.krate)
    }

    /// Where a demo lies.
    pub fn demo(&self, demo: Demo) -> Result<&Path> {
        self.program(demo.name, demo.krate)
    }

    fn program(&self, name: &str, krate: &str) -> Result<&Path> {
        let found = self.programs.get(&(name.to_owned(), krate.to_owned()));
        found.map(PathBuf::as_path).with_context(|| {
            format!("cargo built no program {name} of {krate}\n{}", self.complaint.trim_end())
        })
    }

    /// Takes in what another build gave.
    pub fn join(&mut self, other: Self) {
        self.programs.extend(other.programs);
    }
}

/// Does some work; says a word if it takes longer than that.
fn with_word_after<T>(silence: Duration, say: impl FnOnce() + Send, work: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        let (done, wait) = mpsc::channel::<()>();
        scope.spawn(move || {
            if wait.recv_timeout(silence) == Err(RecvTimeoutError::Timeout) {
                say();
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// The target folder of a workspace.
pub fn target(folder: &Path) -> PathBuf {
    folder.join("target")
}

/// How a program ended, and what it printed.
#[derive(Debug)]
pub struct Ended {
    pub stdout: String,
    pub stderr: String,
    /// `None` where it ended well.
    pub failure: Option<String>,
}

/// Runs a program to its end or to the limit of its time.
pub fn run(command: &mut Command, limit: Duration) -> Result<Ended> {
    let files = tempfile::tempdir()?;
    let (out, err) = (files.path().join("out"), files.path().join("err"));
    command.stdin(Stdio::null()).stdout(std::fs::File::create(&out)?);
    command.stderr(std::fs::File::create(&err)?);
    let mut child = command.spawn().with_context(|| format!("cannot start {}", words(command)))?;
    let start = Instant::now();
    let failure = loop {
        if let Some(status) = child.try_wait()? {
            break (!status.success()).then(|| status.to_string());
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            break Some(format!("{STOPPED} after {} s", limit.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let read = |file: &Path| -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(file)?).into_owned())
    };
    Ok(Ended { stdout: read(&out)?, stderr: read(&err)?, failure })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_never_ends_is_stopped_and_said_to_be() {
        let ended = run(Command::new("sleep").arg("60"), Duration::from_millis(50)).expect("ran");
        assert!(ended.failure.expect("stopped").starts_with("stopped after"));
        let ended = run(Command::new("echo").arg("a"), LIMIT).expect("ran");
        assert_eq!((ended.stdout.as_str(), ended.failure), ("a\n", None));
    }

    #[test]
    fn a_word_is_said_of_work_that_takes_long_and_of_no_other() {
        let said = |silence: Duration, work: Duration| {
            let mut said = false;
            with_word_after(silence, || said = true, || std::thread::sleep(work));
            said
        };
        assert!(said(Duration::ZERO, Duration::from_millis(200)));
        assert!(!said(Duration::from_mins(1), Duration::ZERO));
    }

    #[test]
    fn programs_and_errors_are_read_from_cargos_messages() {
        let mut build = Build::default();
        for line in [
            r#"{"reason":"compiler-artifact","manifest_path":"/w/crates/attention/Cargo.toml","profile":{"test":true},"target":{"kind":["test"],"name":"properties"},"executable":"/t/p"}"#,
            r#"{"reason":"compiler-artifact","manifest_path":"/w/crates/attention/Cargo.toml","profile":{"test":false},"target":{"kind":["bin"],"name":"properties"},"executable":"/t/b"}"#,
            r#"{"reason":"compiler-message","message":{"level":"error","rendered":"error: no","spans":[{"file_name":"a.rs","line_start":3,"is_primary":true}]}}"#,
            r#"{"reason":"compiler-message","message":{"level":"error","rendered":"error: aborting due to it","spans":[]}}"#,
            r#"{"reason":"compiler-message","message":{"level":"error","rendered":"error: no space left\n","spans":[]}}"#,
            r#"{"reason":"compiler-message","message":{"level":"warning","rendered":"w","spans":[{"file_name":"a.rs"}]}}"#,
        ] {
            build.take(&serde_json::from_str(line).expect("JSON"));
        }
        let program =
            |krate: &str| Program { krate: krate.to_owned(), file: Some("properties".to_owned()) };
        assert_eq!(build.test(&program("attention")).expect("built"), Path::new("/t/p"));
        assert!(build.test(&program("model")).is_err());
        let [error] = &build.errors[..] else { panic!("one error: {:?}", build.errors) };
        assert_eq!((error.file.as_str(), error.line), ("a.rs", 3));
        assert_eq!(build.complaint, "error: no space left\n");
    }
}
