//! What a comparison needs before it starts: our contender, Python with the peers, a model, llama.cpp.
//!
//! All of it lies in `.bench/`, which git ignores; what is there is kept.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use xtask::datasets::{self, Kind};

use crate::python::{self, Build};
use crate::run::{build, cargo, pass_through};

const REQUIREMENTS: &str = "data/bench/requirements.txt";

/// The folder of everything that is made for the comparisons.
pub fn folder(root: &Path) -> PathBuf {
    root.join(".bench")
}

/// Builds our contender and tells where it lies.
pub fn ours(root: &Path) -> Result<PathBuf> {
    let programs = build(root, "bench", &["--bench", "contender"])?;
    programs.into_iter().next().map(|(_, program)| program).context("cargo built no contender")
}

/// Python with the peers, in an environment of its own.
pub fn python(root: &Path, pytorch: Build) -> Result<PathBuf> {
    python::provide(root, ".bench/venv", REQUIREMENTS, pytorch)
}

/// A model of the size `name` with random weights, written by transformers.
pub fn model(root: &Path, python: &Path, name: &str) -> Result<PathBuf> {
    let there = folder(root).join(name);
    if !there.is_dir() {
        fs::create_dir_all(folder(root))?;
        let mut command = Command::new(python);
        command.arg(root.join("data/bench/write_model.py")).arg(name).arg(&there);
        pass_through(command.stdout(std::io::stderr()))
            .context("the peers' model could not be written")?;
    }
    Ok(there)
}

/// The public texts that are here, one after the other in a file, and its bytes; those of many megabytes are left out.
pub fn texts(root: &Path) -> Result<(PathBuf, usize)> {
    const LARGEST: u64 = 64_000_000;
    let mut texts = Vec::new();
    for dataset in datasets::all().iter().filter(|dataset| dataset.kind == Kind::Text) {
        for file in &dataset.files {
            let path = root.join(&file.path);
            if fs::metadata(&path).is_ok_and(|found| found.len() <= LARGEST) {
                texts.extend(fs::read(&path)?);
            }
        }
    }
    let mend = "get some by: cargo xtask fetch wikitext-2 tiny-shakespeare";
    ensure!(!texts.is_empty(), "no public text is here; {mend}");
    let joined = folder(root).join("texts.txt");
    fs::create_dir_all(folder(root))?;
    fs::write(&joined, &texts)?;
    Ok((joined, texts.len()))
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
    command.arg(root.join("data/bench/build_llama_cpp.py"));
    command.arg(folder(root).join("llama.cpp")).arg(&exported);
    pass_through(command.stdout(std::io::stderr())).context("llama.cpp could not be built")
}
