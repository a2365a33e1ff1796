//! `mutants`: the lesson, with one thing changed at a time, must be what runs.
//!
//! The crates are copied into a folder of their own under `target`, with changes in the lesson's files that an environment variable
//! turns on, and built once. Then each change is run twice, as a user would and with `--path lesson`: both must give the same numbers,
//! other numbers than the unchanged lesson's, and the first must say in one line what the fast path computes differently.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use serde::Deserialize;

use crate::learn::take_over::take_over;
use crate::run::{Finished, cargo, pass_through, succeed};

/// The environment variable that turns a change on.
const SWITCH: &str = "LESSON_CHANGED";

/// All changes.
#[derive(Deserialize)]
struct List {
    mutant: Vec<Mutant>,
}

/// A change of the lesson; its keys are explained in `mutants.toml`.
#[derive(Deserialize)]
struct Mutant {
    name: String,
    file: String,
    from: String,
    to: String,
    differs: String,
    #[serde(default)]
    shows_in_writing: bool,
}

/// Copies, changes, builds, and runs each change.
///
/// # Errors
/// If a change is not noticed, or not what runs.
pub fn run(root: &Path) -> Result<()> {
    let copy = Copy {
        folder: root.join("target/mutants/workspace"),
        target: root.join("target/mutants/target"),
    };
    let mutants = toml::from_str::<List>(include_str!("mutants.toml"))?.mutant;
    copy.prepare(root, &mutants)?;
    copy.build()?;
    let unchanged = copy.train("", &[])?;
    ensure!(!unchanged.stderr.contains("differs"), "the unchanged lesson: {}", unchanged.stderr);
    let is_fast = unchanged.stderr.contains("path fast");
    ensure!(is_fast, "the fast path was not taken: {}", unchanged.stderr);
    let written = copy.write("", &[])?;
    for mutant in &mutants {
        let name = &mutant.name;
        let (command, original) = if mutant.shows_in_writing {
            (Copy::write as Attempt, &written)
        } else {
            (Copy::train as Attempt, &unchanged)
        };
        let usual = command(&copy, name, &[])?;
        let lesson = command(&copy, name, &["--path", "lesson"])?;
        let (ours, theirs) = (&usual.numbers, &lesson.numbers);
        ensure!(ours == theirs, "{name}: not the lesson ran:\n{ours}\n{theirs}");
        ensure!(*ours != original.numbers, "{name}: the change changes nothing");
        let line = format!("the fast path differs from the lesson: {}", mutant.differs);
        ensure!(
            usual.stderr.contains(&line),
            "{name}: no line says that {line}:\n{}",
            usual.stderr
        );
        println!("  {name}: noticed, and the lesson ran");
    }
    Ok(())
}

/// Runs a command with a change, and with more options.
type Attempt = fn(&Copy, &str, &[&str]) -> Result<Ran>;

/// What a run of a command gave.
struct Ran {
    /// Losses, or the text.
    numbers: String,
    stderr: String,
}

/// A copy of the workspace, with a target folder of its own.
struct Copy {
    folder: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// It lies inside the original, whose `.cargo/config.toml` holds for it too: so libtorch's binding need not be compiled anew.
    fn prepare(&self, root: &Path, mutants: &[Mutant]) -> Result<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        for part in ["Cargo.toml", "Cargo.lock", "crates", "data", "xtask", "rust-toolchain.toml"] {
            copy_all(&root.join(part), &self.folder.join(part))?;
        }
        for mutant in mutants {
            self.change(mutant)?;
        }
        take_over(&root.join("target"), &self.target).map(|_| ())
    }

    /// Lets an environment variable choose between the lesson and the change.
    fn change(&self, mutant: &Mutant) -> Result<()> {
        let Mutant { name, file, from, to, .. } = mutant;
        let path = self.folder.join(file);
        let text = fs::read_to_string(&path)?;
        ensure!(text.matches(from).count() == 1, "{file} must hold `{from}` once");
        let is_on = format!("std::env::var({SWITCH:?}).is_ok_and(|on| on == {name:?})");
        let chosen = format!("(if {is_on} {{ {to} }} else {{ {from} }})");
        Ok(fs::write(&path, text.replace(from, &chosen))?)
    }

    fn build(&self) -> Result<()> {
        let mut command = cargo(&self.folder);
        command.args(["build", "--quiet", "-p", "train", "-p", "finetune"]);
        command.env("CARGO_TARGET_DIR", &self.target).env_remove("LIBTORCH");
        let built = succeed(&mut command); // with warnings about the changes' form
        built.context("the changed lesson does not compile").map(|_| ())
    }

    /// Three steps of training.
    fn train(&self, change: &str, more: &[&str]) -> Result<Ran> {
        let mut command = self.command("train", change);
        let fixed = ["--text", "data/story.txt", "--context", "32", "--max-steps", "3"];
        let _ = fs::remove_dir_all(self.folder.join("run"));
        command.args(fixed).args(["--threads", "2", "--log-json", "--out-dir", "run"]).args(more);
        let Finished { stdout, stderr, .. } = succeed(&mut command).context(change.to_owned())?;
        let losses = stdout.lines().filter_map(|line| line.split("\"loss\":").nth(1));
        let losses: Vec<&str> = losses.filter_map(|rest| rest.split(',').next()).collect();
        let count = losses.len();
        ensure!(count == 3, "{change}: three steps, {count} losses:\n{stdout}");
        Ok(Ran { numbers: losses.join(" "), stderr })
    }

    /// Some words by the model that the last training has left; drawn by chance, since its most probable token is always the same.
    fn write(&self, change: &str, more: &[&str]) -> Result<Ran> {
        let mut command = self.command("finetune", change);
        let fixed = ["--weights", "run", "--temperature", "1", "--max-new-tokens", "30"];
        command.args(["complete", "--prompt", "Once there was"]).args(fixed);
        command.args(["--threads", "2"]).args(more);
        let Finished { stdout, stderr, .. } = succeed(&mut command).context(change.to_owned())?;
        Ok(Ran { numbers: stdout, stderr })
    }

    /// A command that finds no proof of another change.
    fn command(&self, name: &str, change: &str) -> Command {
        let _ = fs::remove_dir_all(self.target.join("proofs"));
        let mut command = Command::new(self.target.join("debug").join(name));
        command.current_dir(&self.folder).env(SWITCH, change);
        command
    }
}

/// Copies a file, or a folder with all that is in it.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    let parent = to.parent().context("the copy is inside a folder")?;
    fs::create_dir_all(parent)?;
    pass_through(Command::new("cp").arg("-a").arg(from).arg(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_fits_one_place_and_those_that_show_in_writing_come_first() {
        let list: List = toml::from_str(include_str!("mutants.toml")).expect("a list");
        for Mutant { name, file, from, to, .. } in &list.mutant {
            let text = fs::read_to_string(xtask::project_root().join(file)).expect("a lesson");
            assert_eq!(text.matches(from).count(), 1, "{name}");
            syn::parse_str::<syn::Expr>(from).expect(name);
            syn::parse_str::<syn::Expr>(to).expect(name);
        }
        assert!(list.mutant.is_sorted_by_key(|mutant| !mutant.shows_in_writing));
    }
}
