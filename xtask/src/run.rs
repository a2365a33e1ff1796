//! Other programs: cargo, as the nested command that most of xtask consists of, and a run whose output is kept.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use xtask::cargo_config;

use crate::contents::Demo;

/// A cargo command that runs in the project's folder.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    // `cargo xtask` has already put what .cargo/libtorch.toml says into our environment. Handed on, it would make the
    // nested cargo see another environment than a plain `cargo test` does, and build libtorch's binding anew each time.
    let known = cargo_config::home(root);
    if env::var_os("LIBTORCH").is_some_and(|path| Path::new(&path) == known) {
        command.env_remove("LIBTORCH");
    }
    // The same with what it says of this program's package: ring's build script asks for it, and all that stands on ring would be
    // built anew whenever a plain cargo and ours take turns.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
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

/// The same, and fails with what it said where it does not end well.
pub fn succeed(command: &mut Command) -> Result<Finished> {
    let finished = capture(command)?;
    if let Some(failure) = &finished.failure {
        bail!("{} failed ({failure})\n{}", words(command), finished.stderr.trim_end());
    }
    Ok(finished)
}

/// Builds targets of the whole workspace, so that their dependencies have the features that they have everywhere else and
/// libtorch's binding is compiled once for all; returns name and program of those of a kind that compile.
pub fn build(root: &Path, kind: &str, arguments: &[&str]) -> Result<Vec<(String, PathBuf)>> {
    let mut command = cargo(root);
    command.args(["build", "--quiet", "--workspace", "--keep-going"]);
    command.args(["--message-format", "json-render-diagnostics"]).args(arguments);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start {}", words(&command)))?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let programs: Vec<_> = messages.lines().filter_map(|line| program(line, kind)).collect();
    ensure!(!programs.is_empty(), "{} built no {kind}", words(&command));
    Ok(programs)
}

/// Name and program of a target of a kind, from one line of cargo's messages.
fn program(message: &str, kind: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let target = message.get("target")?;
    let is_of_kind = target.get("kind")?.as_array()?.iter().any(|of| of == kind);
    let program = message.get("executable")?.as_str()?;
    is_of_kind.then(|| Some((target.get("name")?.as_str()?.to_owned(), program.into())))?
}

/// Demos that were built: where each program lies.
pub struct Built(Vec<(String, PathBuf)>);

impl Built {
    /// Builds demos, and goes on past those that do not compile.
    pub fn build(root: &Path, demos: &[Demo]) -> Result<Self> {
        let there = demos.iter().filter(|demo| demo.source(root).is_file());
        let arguments: Vec<_> = there.flat_map(|demo| ["--example", demo.name]).collect();
        ensure!(!arguments.is_empty(), "none of its demos has a file");
        Ok(Self(build(root, "example", &arguments)?))
    }

    /// Runs a demo from the project's folder, as `cargo run` would, and lets it draw; an error where it did not compile.
    pub fn run(&self, root: &Path, demo: Demo) -> Result<Finished> {
        let program = self.0.iter().find(|(name, _)| name == demo.name);
        let (_, program) = program.context("it has no file or does not compile; see above")?;
        capture(Command::new(program).current_dir(root).env("GPT2_FIGURES", "1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_examples_are_taken_from_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"kind":["example"],"name":"a"},"executable":"/t/a"}"#;
        assert_eq!(program(line, "example"), Some(("a".to_owned(), PathBuf::from("/t/a"))));
        for other in [
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"a"},"executable":null}"#,
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"a"},"executable":"/t/a"}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "warning: not a message",
        ] {
            assert_eq!(program(other, "example"), None, "{other}");
        }
    }

    #[test]
    fn a_nested_cargo_hears_nothing_of_this_programs_package() {
        let command = cargo(Path::new("."));
        for name in ["CARGO_PKG_NAME", "CARGO_PKG_VERSION_MAJOR", "CARGO_MANIFEST_DIR"] {
            assert!(env::var_os(name).is_some(), "cargo sets {name} for tests");
            assert!(command.get_envs().any(|set| set == (OsStr::new(name), None)), "{name}");
        }
    }

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = Command::new("/usr/bin/cargo");
        assert_eq!(words(command.args(["test", "-p", "model"])), "cargo test -p model");
    }
}
