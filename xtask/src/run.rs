//! Other programs: cargo, as the nested command that most of xtask consists of, and a run whose output is kept.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::contents::Demo;

/// A cargo command that runs in the project's folder.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    // `cargo xtask` has already put what .cargo/libtorch.toml says into our environment. Handed on, it would make the
    // nested cargo see another environment than a plain `cargo test` does, and build libtorch's binding anew each time.
    if env::var_os("LIBTORCH").is_some_and(|path| Path::new(&path) == root.join("libtorch")) {
        command.env_remove("LIBTORCH");
    }
    command
}

/// Runs a command whose output the user sees, and fails where it fails.
pub fn pass_through(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", words(command)))?;
    ensure!(status.success(), "{} failed ({status})", words(command));
    Ok(())
}

/// The command as one would type it.
pub fn words(command: &Command) -> String {
    let program =
        Path::new(command.get_program()).file_name().unwrap_or_else(|| command.get_program());
    let words: Vec<_> =
        std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

/// What a program printed, and whether it ended well.
pub struct Finished {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// `None` where it ended well, else how it ended.
    pub failure: Option<String>,
}

/// Runs a command to its end and keeps what it prints.
pub fn capture(command: &mut Command) -> Result<Finished> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", words(command)))?;
    Ok(Finished {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        failure: (!output.status.success()).then(|| output.status.to_string()),
    })
}

/// Demos that were built: where each program lies.
pub struct Built {
    programs: Vec<(String, PathBuf)>,
}

impl Built {
    /// Builds demos, and goes on past those that do not compile.
    ///
    /// They are chosen out of the whole workspace, not out of their crate: so their dependencies have the features that
    /// they have in `cargo test --workspace` and `cargo run -p finetune`, and libtorch's binding is compiled once for all.
    pub fn build(root: &Path, demos: &[Demo]) -> Result<Self> {
        let mut command = cargo(root);
        command.args([
            "build",
            "--quiet",
            "--workspace",
            "--keep-going",
            "--message-format",
            "json-render-diagnostics",
        ]);
        let there: Vec<_> = demos.iter().filter(|demo| demo.source(root).is_file()).collect();
        ensure!(!there.is_empty(), "none of its demos has a file");
        for demo in there {
            command.args(["--example", demo.name]);
        }
        let output = command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start {}", words(&command)))?;
        let programs: Vec<_> =
            String::from_utf8_lossy(&output.stdout).lines().filter_map(example).collect();
        if programs.is_empty() {
            bail!("{} built no demo", words(&command));
        }
        Ok(Self { programs })
    }

    /// Runs a demo from the project's folder, as `cargo run` would; an error where it did not compile.
    pub fn run(&self, root: &Path, demo: Demo) -> Result<Finished> {
        let (_, program) = self
            .programs
            .iter()
            .find(|(name, _)| name == demo.name)
            .context("it does not compile; see above")?;
        capture(Command::new(program).current_dir(root))
    }
}

/// Name and program of an example, from one line of cargo's messages.
fn example(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let target = message.get("target")?;
    let is_example = target.get("kind")?.as_array()?.iter().any(|kind| kind == "example");
    let program = message.get("executable")?.as_str()?;
    is_example.then(|| Some((target.get("name")?.as_str()?.to_owned(), PathBuf::from(program))))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_examples_are_taken_from_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"kind":["example"],"name":"a"},"executable":"/t/a"}"#;
        assert_eq!(example(line), Some(("a".to_owned(), PathBuf::from("/t/a"))));
        for other in [
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"a"},"executable":null}"#,
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"a"},"executable":"/t/a"}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "warning: not a message",
        ] {
            assert_eq!(example(other), None, "{other}");
        }
    }

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = Command::new("/usr/bin/cargo");
        assert_eq!(words(command.args(["test", "-p", "model"])), "cargo test -p model");
    }
}
