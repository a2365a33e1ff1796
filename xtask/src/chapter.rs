//! `chapter`: runs the demos of a chapter and holds what they print against their reference outputs.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use xtask::setup;

use crate::compare::{Comparison, compare};
use crate::contents::{self, Chapter, Demo};
use crate::findings::seen_from;
use crate::outputs::Reference;
use crate::run::Built;

const DIFFERENCES_SHOWN: usize = 5;

/// What became of one demo.
pub struct Outcome {
    /// Which one.
    pub demo: Demo,
    /// What it printed.
    pub stdout: String,
    /// The reference output it was held against, with its path, and what the comparison found; or why there is none.
    pub result: Result<(PathBuf, Reference, Comparison)>,
    /// How long it ran.
    pub elapsed_s: f64,
}

impl Outcome {
    /// Whether the output is what it must be.
    pub fn holds(&self) -> bool {
        self.result.as_ref().is_ok_and(|(_, _, comparison)| comparison.differences.is_empty())
    }
}

/// Runs one demo and compares.
pub fn run_demo(root: &Path, built: &Built, demo: Demo) -> Outcome {
    let start = Instant::now();
    let finished = built.run(root, demo);
    let elapsed_s = start.elapsed().as_secs_f64();
    let stdout = finished.as_ref().map_or(String::new(), |finished| finished.stdout.clone());
    let result = finished.and_then(|finished| match finished.failure {
        Some(failure) => bail!("it failed ({failure})\n{}", finished.stderr.trim_end()),
        None => judge(root, demo, &finished.stdout),
    });
    Outcome { demo, stdout, result, elapsed_s }
}

/// Holds what a demo printed against its reference output.
pub fn judge(root: &Path, demo: Demo, stdout: &str) -> Result<(PathBuf, Reference, Comparison)> {
    let path = reference_path(root, demo, stdout);
    let reference = Reference::read(&path)?;
    let comparison = compare(&reference.body, stdout, reference.tolerance);
    Ok((path, reference, comparison))
}

/// The reference output for what a demo printed: its first line names the file it has read.
pub fn reference_path(root: &Path, demo: Demo, stdout: &str) -> PathBuf {
    let reads_public = stdout.lines().next().is_some_and(|line| line.contains("data/public/"));
    if reads_public { demo.public_out(root) } else { demo.out(root) }
}

/// Demos that have run, and what went wrong.
#[derive(Default)]
pub struct Run {
    /// In the order they ran.
    pub outcomes: Vec<Outcome>,
    failed: Vec<String>,
}

impl Run {
    /// Builds and runs the demos of a chapter, or one of them; `each` sees every outcome as it comes.
    pub fn chapter(
        &mut self,
        root: &Path,
        chapter: &Chapter,
        only: Option<Demo>,
        each: &dyn Fn(&Outcome),
    ) {
        println!("chapter {}: {}", chapter.number, chapter.name);
        let demos = only.map_or_else(|| chapter.demos().collect(), |demo| vec![demo]);
        let built = match Built::build(root, &demos) {
            Ok(built) => built,
            Err(error) => {
                println!("  FAILS: {error:#}");
                return self.failed.push(format!("the build of chapter {}", chapter.number));
            }
        };
        for demo in demos {
            let outcome = run_demo(root, &built, demo);
            if !outcome.holds() {
                self.failed.push(demo.name.to_owned());
            }
            each(&outcome);
            self.outcomes.push(outcome);
        }
    }

    /// Says how many printed what they must, and fails where one did not.
    pub fn verdict(&self) -> Result<()> {
        let total = self.outcomes.len();
        let well = self.outcomes.iter().filter(|outcome| outcome.holds()).count();
        let wrong = self.failed.join(", ");
        ensure!(wrong.is_empty(), "{well} of {total} demos print what they must; wrong: {wrong}");
        let print = if total == 1 { "demo prints" } else { "demos print" };
        println!("{total} {print} as expected");
        Ok(())
    }
}

/// Runs the demos of a chapter, of all chapters, or one of them.
pub fn run(root: &Path, which: &str, only: Option<&str>, show: bool) -> Result<()> {
    let chapters = contents::chapters(which)?;
    let only = only.map(|name| contents::demo_in(&chapters, name)).transpose()?;
    setup::ensure(root)?;
    let mut run = Run::default();
    let holds =
        |chapter: &Chapter| only.is_none_or(|only| chapter.demos().any(|demo| demo == only));
    for chapter in chapters.into_iter().filter(|chapter| holds(chapter)) {
        run.chapter(root, chapter, only, &|outcome| report(root, outcome, show));
    }
    run.verdict()
}

/// Prints the verdict on one demo, and where it differs.
pub fn report(root: &Path, outcome: &Outcome, show: bool) {
    if show && !outcome.stdout.is_empty() {
        println!("$ {}\n{}", outcome.demo.command(), outcome.stdout.trim_end());
    }
    let row = |verdict: &str, rest: &str| {
        println!("  {:<22} {verdict:<8} {:>6.1} s  {rest}", outcome.demo.name, outcome.elapsed_s);
    };
    match &outcome.result {
        Ok((_, reference, comparison)) if comparison.differences.is_empty() => {
            let source = reference.from.split(':').next().unwrap_or_default();
            row("ok", &format!("{:>4} numbers, from {source}", comparison.numbers.len()));
        }
        Ok((path, _, comparison)) => {
            row("DIFFERS", &format!("from {}", seen_from(root, path).display()));
            for difference in comparison.differences.iter().take(DIFFERENCES_SHOWN) {
                println!("{}", indent(&difference.to_string()));
            }
            if comparison.differences.len() > DIFFERENCES_SHOWN {
                println!("    and {} more lines", comparison.differences.len() - DIFFERENCES_SHOWN);
            }
        }
        Err(error) => {
            row("FAILS", "");
            println!("{}", indent(&format!("{error:#}")));
        }
    }
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_decides_which_reference_is_used() {
        let demo = contents::demo("split_words").expect("it exists");
        let root = Path::new("/p");
        let chosen =
            |stdout: &str| reference_path(root, demo, stdout).file_name().map(ToOwned::to_owned);
        assert_eq!(chosen("text data/story.txt\n").expect("a name"), "split_words.out");
        assert_eq!(
            chosen("text data/public/peter-rabbit.txt\n").expect("a name"),
            "split_words.public.out"
        );
        assert_eq!(
            chosen("text data/story.txt\ndata/public/x\n").expect("a name"),
            "split_words.out"
        );
        assert_eq!(chosen("").expect("a name"), "split_words.out");
    }
}
