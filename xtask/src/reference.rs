//! `reference`: runs the scripts of `data/reference/` and writes, or compares, the outputs that demos are held against.
//!
//! The scripts run in a Python environment of their own, `.venv/`, made from `data/reference/requirements.txt`;
//! `GPT2_PYTHON` names an interpreter to use instead.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;

use crate::compare::compare;
use crate::contents::{self, Demo};
use crate::outputs::Reference;
use crate::python::{self, Build};
use crate::run::succeed;

const REQUIREMENTS: &str = "data/reference/requirements.txt";
/// The texts that a script finds by `chapter_text(…)`, which `cargo xtask fetch` brings.
const ARTICLE_TEXTS: [(usize, &str); 2] = [(1, "peter-rabbit.txt"), (4, "world-war-i.txt")];
/// The environment that has them.
const ENVIRONMENT: &str = ".venv";

/// The interpreter for the scripts, if it is there already.
pub fn interpreter(root: &Path) -> Option<PathBuf> {
    python::there(root, ENVIRONMENT, REQUIREMENTS)
}

/// Runs the scripts of all demos, or of one, and writes or compares.
pub fn run(root: &Path, only: Option<&str>, check: bool, build: Build) -> Result<()> {
    let demos = with_scripts(root, only)?;
    let python = python::provide(root, ENVIRONMENT, REQUIREMENTS, build)?;
    let (mut total, mut failed) = (0, Vec::new());
    for demo in demos {
        let public = has_public_text(root, demo).then(|| (demo.public_out(root), Some("public")));
        for (path, text) in [(demo.out(root), None)].into_iter().chain(public) {
            let start = Instant::now();
            let made = run_script(root, &python, demo, text);
            let outcome = made.and_then(|made| settle(&path, &made, check));
            let elapsed_s = start.elapsed().as_secs_f64();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let row = |verdict: &str| println!("  {name:<32} {verdict:<10} {elapsed_s:>6.1} s");
            total += 1;
            match outcome {
                Ok(verdict) => row(verdict),
                Err(error) => {
                    row("FAILS");
                    println!("    {error:#}");
                    failed.push(name);
                }
            }
        }
    }
    let (count, names) = (failed.len(), failed.join(", "));
    ensure!(count == 0, "{count} of {total} reference outputs failed: {names}");
    let what = if check { "agree with their scripts" } else { "written" };
    println!("{total} reference outputs {what}");
    Ok(())
}

/// All demos that have a script, or the one of that name.
fn with_scripts(root: &Path, only: Option<&str>) -> Result<Vec<Demo>> {
    let Some(name) = only else {
        let demos = contents::all_demos().filter(|demo| demo.script(root).is_file());
        return Ok(demos.collect());
    };
    let demo = contents::demo(name)?;
    let elsewhere = "its output comes from elsewhere (see its first line)";
    let has_script = demo.script(root).is_file();
    ensure!(has_script, "{name} has no script data/reference/{name}.py; {elsewhere}");
    Ok(vec![demo])
}

/// Whether the script reads the text of a chapter, and the original series' own text of it has been fetched.
fn has_public_text(root: &Path, demo: Demo) -> bool {
    let Ok(source) = fs::read_to_string(demo.script(root)) else { return false };
    ARTICLE_TEXTS.iter().any(|(chapter, file)| {
        source.contains(&format!("chapter_text({chapter})"))
            && root.join("data/public").join(file).is_file()
    })
}

fn run_script(root: &Path, python: &Path, demo: Demo, text: Option<&str>) -> Result<Reference> {
    let mut command = Command::new(python);
    command.current_dir(root).arg(demo.script(root)).env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(text) = text {
        command.args(["--text", text]);
    }
    Reference::parse(&succeed(&mut command)?.stdout)
        .with_context(|| format!("what data/reference/{}.py printed", demo.name))
}

/// Writes what a script made, or compares it with what is there.
fn settle(path: &Path, made: &Reference, check: bool) -> Result<&'static str> {
    if !check {
        let text = made.text();
        if fs::read_to_string(path).is_ok_and(|there| there == text) {
            return Ok("unchanged");
        }
        fs::write(path, text)?;
        return Ok("written");
    }
    let there = Reference::read(path)?;
    let (ours, theirs) = (there.header.join("\n    "), made.header.join("\n    "));
    ensure!(ours == theirs, "its header is\n    {ours}\n  but the script says\n    {theirs}");
    let comparison = compare(&made.body, &there.body, made.tolerance);
    if let Some(first) = comparison.differences.first() {
        let count = comparison.differences.len();
        bail!("{count} lines differ from what the script makes (ours: the file)\n{first}");
    }
    Ok("agrees")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_output_is_made_where_the_script_reads_a_text_that_is_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        fs::create_dir_all(root.join("data/reference")).expect("folders");
        fs::create_dir_all(root.join("data/public")).expect("folders");
        let demo = contents::demo("vocabulary").expect("a demo");
        fs::write(demo.script(root), "file, text = chapter_text(1)\n").expect("a file");
        assert!(!has_public_text(root, demo), "not fetched");
        fs::write(root.join("data/public/world-war-i.txt"), "x").expect("a file");
        assert!(!has_public_text(root, demo), "another chapter's");
        fs::write(root.join("data/public/peter-rabbit.txt"), "x").expect("a file");
        assert!(has_public_text(root, demo));
        fs::write(demo.script(root), "x = 1\n").expect("a file");
        assert!(!has_public_text(root, demo), "the script reads no text");
    }

    #[test]
    fn settling_writes_or_compares() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("x.out");
        let made = Reference::parse("# from PyTorch 2.13.0\nloss 3.1412\n").expect("good");
        assert!(settle(&path, &made, true).is_err(), "nothing to compare with");
        assert_eq!(settle(&path, &made, false).expect("written"), "written");
        assert_eq!(settle(&path, &made, false).expect("the same"), "unchanged");
        assert_eq!(settle(&path, &made, true).expect("the same"), "agrees");
        let near = Reference::parse("# from PyTorch 2.13.0\nloss 3.1413\n").expect("good");
        assert_eq!(settle(&path, &near, true).expect("within the tolerance"), "agrees");
        let far = Reference::parse("# from PyTorch 2.13.0\nloss 3.2\n").expect("good");
        assert!(settle(&path, &far, true).is_err());
        let elsewhere = Reference::parse("# from PyTorch 2.12.0\nloss 3.1412\n").expect("good");
        assert!(settle(&path, &elsewhere, true).is_err(), "another source");
    }
}
