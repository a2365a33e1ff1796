//! What a comparison needs before it starts: our contender, Python with the peers, a model, llama.cpp.
//!
//! All of it lies in `.bench/`, which git ignores; what is there is kept.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::python::{self, Build};
use crate::run::{cargo, pass_through, words};

const REQUIREMENTS: &str = "data/bench/requirements.txt";

/// The folder of everything that is made for the comparisons.
pub fn folder(root: &Path) -> PathBuf {
    root.join(".bench")
}

/// Builds our contender and tells where it lies.
pub fn ours(root: &Path) -> Result<PathBuf> {
    let mut command = cargo(root);
    command.args(["build", "--quiet", "--workspace", "--bench", "contender"]);
    command
        .args(["--message-format", "json-render-diagnostics"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot start {}", words(&command)))?;
    ensure!(output.status.success(), "{} failed", words(&command));
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .find_map(bench_program)
        .with_context(|| format!("{} built no contender", words(&command)))
}

/// The program of a benchmark, from one line of cargo's messages.
fn bench_program(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_bench =
        message.get("target")?.get("kind")?.as_array()?.iter().any(|kind| kind == "bench");
    let program = message.get("executable")?.as_str()?;
    is_bench.then(|| PathBuf::from(program))
}

/// Python with the peers in an environment of its own, or the interpreter that `GPT2_PYTHON` names.
pub fn python(root: &Path, build: Build) -> Result<PathBuf> {
    if let Some(python) = env::var_os("GPT2_PYTHON") {
        return Ok(PathBuf::from(python));
    }
    python::provide(root, ".bench/venv", REQUIREMENTS, build)
}

/// A model of the size `name` with random weights, written by transformers.
pub fn model(root: &Path, python: &Path, name: &str) -> Result<PathBuf> {
    let there = folder(root).join(name);
    if !there.is_dir() {
        fs::create_dir_all(folder(root)).context("cannot make .bench")?;
        let mut command = Command::new(python);
        command.arg(root.join("data/bench/write_model.py")).arg(name).arg(&there);
        pass_through(command.stdout(std::io::stderr()))
            .context("the peers' model could not be written")?;
    }
    Ok(there)
}

/// Builds llama.cpp and converts the model for it.
pub fn llama_cpp(root: &Path, python: &Path, model: &Path) -> Result<()> {
    let exported = folder(root).join("gpt2-with-tokenizer");
    if !exported.is_dir() {
        let mut command = cargo(root);
        command.args(["run", "--quiet", "-p", "finetune", "--", "export", "--weights"]).arg(model);
        pass_through(command.arg("--out").arg(&exported).stdout(std::io::stderr()))?;
    }
    let mut command = Command::new(python);
    command
        .arg(root.join("data/bench/build_llama_cpp.py"))
        .arg(folder(root).join("llama.cpp"))
        .arg(&exported);
    pass_through(command.stdout(std::io::stderr())).context("llama.cpp could not be built")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_benchmark_is_taken_from_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"kind":["bench"],"name":"contender"},"executable":"/t/c"}"#;
        assert_eq!(bench_program(line), Some(PathBuf::from("/t/c")));
        for other in [
            r#"{"target":{"kind":["bin"],"name":"a"},"executable":"/t/a"}"#,
            r#"{"target":{"kind":["lib"]}}"#,
            "x",
        ] {
            assert_eq!(bench_program(other), None, "{other}");
        }
    }
}
