//! `ci`: all checks in one command, the same on a laptop and on a server.
//!
//! A step that fails does not stop the others, so that one run shows everything that is wrong.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use xtask::setup;

use crate::run::{cargo, pass_through};
use crate::{book, chapter, contents, figures, learn, ledger, lint, mutants, test, weave};

/// Runs every step and fails at the end where one of them failed.
pub fn run(root: &Path) -> Result<()> {
    let start = Instant::now();
    let mut steps = Steps::default();
    // Nothing else can be built without it, so this one stops.
    setup::ensure(root)?;
    let run_cargo = |arguments: &str| pass_through(cargo(root).args(arguments.split(' ')));
    steps.step("format", || run_cargo("fmt --all --check"));
    steps.step("clippy", || {
        run_cargo("clippy --quiet --keep-going --workspace --all-targets -- -D warnings")
    });
    steps.step("tests", || test::run(root, false, false, &["--no-fail-fast".to_owned()]));
    let figures = figures::read(root)?;
    let mut demos = chapter::Run::default();
    steps.step("demos", || {
        for chapter in contents::all() {
            demos.chapter(root, chapter, None, &|outcome| chapter::report(root, outcome, false));
        }
        demos.verdict()
    });
    steps.step("mutants", || mutants::run(root));
    steps.step("learn", || learn::prove_changed(root));
    steps.step("figures", || figures::compare(root, &figures));
    steps.step("ledger", || ledger::print(&demos.outcomes, false));
    steps.step("weave", || weave::run(root, true));
    steps.step("lint", || lint::run(root));
    steps.step("documentation", || {
        let mut command = cargo(root);
        command.args(["doc", "--quiet", "--workspace", "--no-deps"]);
        pass_through(command.env("RUSTDOCFLAGS", "-D warnings"))
    });
    steps.step("book", || book::run(root, false, false));
    steps.step("dependencies", || dependencies(root));
    steps.summary(start.elapsed().as_secs_f64())
}

/// Licenses and sources of all dependencies, where the program that knows them is installed.
fn dependencies(root: &Path) -> Result<()> {
    let installed = cargo(root).args(["deny", "--version"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        let install = "cargo install --locked cargo-deny";
        println!("not checked, as cargo-deny is not installed (`{install}`)");
        return Ok(());
    }
    let arguments = "deny --log-level error check licenses bans sources";
    pass_through(cargo(root).args(arguments.split(' ')))
}

/// Steps that were taken: name, time, and what went wrong.
#[derive(Default)]
struct Steps {
    taken: Vec<(&'static str, f64, Option<String>)>,
}

impl Steps {
    fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) {
        println!("\n== {name}");
        let start = Instant::now();
        let failure = work().err().map(|error| format!("{error:#}"));
        if let Some(failure) = &failure {
            println!("FAILED: {failure}");
        }
        self.taken.push((name, start.elapsed().as_secs_f64(), failure));
    }

    fn summary(&self, elapsed_s: f64) -> Result<()> {
        println!("\n== summary");
        for (name, elapsed_s, failure) in &self.taken {
            let verdict = failure.as_ref().map_or("ok", |_| "FAILED");
            println!("  {name:<14} {verdict:<7} {elapsed_s:>7.1} s");
        }
        println!("  {:<14} {:<7} {elapsed_s:>7.1} s", "all", "");
        let failed = self.taken.iter().filter(|(_, _, failure)| failure.is_some());
        let failed: Vec<_> = failed.map(|(name, _, _)| *name).collect();
        let (count, of) = (failed.len(), self.taken.len());
        ensure!(count == 0, "{count} of {of} steps failed: {}", failed.join(", "));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn a_step_that_fails_does_not_stop_the_next_and_fails_the_whole() {
        let mut steps = Steps::default();
        let mut taken = 0;
        steps.step("one", || bail!("broken"));
        steps.step("two", || {
            taken += 1;
            Ok(())
        });
        assert_eq!(taken, 1);
        let error = steps.summary(1.0).expect_err("one failed").to_string();
        assert_eq!(error, "1 of 2 steps failed: one");
        let mut steps = Steps::default();
        steps.step("two", || Ok(()));
        steps.summary(1.0).expect("none failed");
    }
}
