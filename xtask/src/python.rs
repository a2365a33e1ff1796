//! Environments of Python, each in a folder of its own that git ignores.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use fs_err as fs;

use crate::run::pass_through;

/// Which build of PyTorch an environment gets.
#[derive(Args, Clone, Copy)]
pub struct Build {
    /// Take PyTorch with CUDA's libraries, 4.9 GB, where its build for the CPU cannot be had
    #[arg(long)]
    with_cuda: bool,
}

/// Written last, so that an environment that was broken off halfway is known by its absence.
const MARKER: &str = "made-from-requirements.txt";

/// Where PyTorch publishes its builds without CUDA.
const CPU_BUILDS: &str = "https://download.pytorch.org/whl/cpu";

/// The interpreter that `GPT2_PYTHON` names, or that of the environment in `folder`, if it has been made from these requirements. Both
/// are seen from `root`.
pub fn there(root: &Path, folder: &str, requirements: &str) -> Option<PathBuf> {
    env::var_os("GPT2_PYTHON").map(PathBuf::from).or_else(|| made(root, folder, requirements))
}

fn made(root: &Path, folder: &str, requirements: &str) -> Option<PathBuf> {
    let made_from = fs::read_to_string(root.join(folder).join(MARKER)).ok()?;
    let wanted = fs::read_to_string(root.join(requirements)).ok()?;
    (made_from == wanted).then(|| root.join(folder).join("bin/python"))
}

/// The same; makes the environment where it is missing, half-made or made from other versions.
///
/// On Linux, only PyTorch's own host has its build for the CPU; the one among Python's packages brings CUDA's libraries,
/// and is taken where the user asks for it.
pub fn provide(root: &Path, folder: &str, requirements: &str, build: Build) -> Result<PathBuf> {
    if let Some(python) = there(root, folder, requirements) {
        return Ok(python);
    }
    let wanted = fs::read_to_string(root.join(requirements))?;
    let environment = root.join(folder);
    if environment.exists() {
        eprintln!("{folder} is half-made or of other versions; making it anew");
        fs::remove_dir_all(&environment)?;
    }
    let size =
        if build.with_cuda { "with CUDA's libraries, 4.9 GB" } else { "for the CPU, about 1 GB" };
    eprintln!("making {folder} from {requirements}: PyTorch {size} on the disk");
    // What pip says is progress: it goes to standard error, where the user sees it.
    let run = |command: &mut Command| pass_through(command.stdout(std::io::stderr()));
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))
        .context("python3 with its venv module is needed (Debian: apt-get install python3-venv)")?;
    let python = environment.join("bin/python");
    let pip = || {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "--disable-pip-version-check", "install"]);
        pip
    };
    if cfg!(target_os = "linux") && !build.with_cuda {
        let torch = wanted.lines().find(|line| line.starts_with("torch=="));
        let torch = torch.with_context(|| format!("{requirements} names no torch"))?;
        let for_cpu = ["--retries=1", "--timeout=15", "--index-url", CPU_BUILDS, torch];
        run(pip().args(for_cpu)).context(
            "PyTorch's build for the CPU cannot be had from its own host; run the command again with --with-cuda \
             to take the one with CUDA's libraries, 4.9 GB, or name a Python that has PyTorch in GPT2_PYTHON",
        )?;
    }
    run(pip().arg("--requirement").arg(root.join(requirements)))?;
    fs::write(environment.join(MARKER), wanted)?;
    Ok(python)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_without_its_marker_or_of_other_versions_is_not_used() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        let found = || made(root, ".venv", "requirements.txt");
        fs::create_dir_all(root.join(".venv/bin")).expect("folders");
        fs::write(root.join("requirements.txt"), "torch==2.13.0\n").expect("a file");
        assert_eq!(found(), None, "half-made");
        fs::write(root.join(".venv").join(MARKER), "torch==2.12.0\n").expect("a file");
        assert_eq!(found(), None, "of other versions");
        fs::write(root.join(".venv").join(MARKER), "torch==2.13.0\n").expect("a file");
        assert_eq!(found(), Some(root.join(".venv/bin/python")));
    }
}
