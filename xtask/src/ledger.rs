//! `ledger`: every number that a demo shares with PyTorch, side by side.
//!
//! The summary is a Markdown table, so that a page can quote it.

use std::path::Path;

use anyhow::{Result, ensure};
use xtask::setup;

use crate::chapter::{Outcome, Run};
use crate::compare::Pair;
use crate::contents;
use crate::table;

/// Runs the demos of a chapter, or of all, and prints the ledger; `each_number` gives every number a line.
pub fn run(root: &Path, which: &str, each_number: bool) -> Result<()> {
    let chapters = contents::chapters(which)?;
    setup::ensure(root)?;
    let mut demos = Run::default();
    for chapter in chapters {
        demos.chapter(root, chapter, None, &|outcome| eprintln!("ran {}", outcome.demo.name));
    }
    print(&demos.outcomes, each_number)
}

/// Prints the ledger of demos that have run.
pub fn print(outcomes: &[Outcome], each_number: bool) -> Result<()> {
    print!("{}", if each_number { every_number(outcomes) } else { summary(outcomes) });
    let missed = missed(outcomes);
    ensure!(missed.is_empty(), "the ledger is not green: {}", missed.join(", "));
    Ok(())
}

/// Demos whose output comes from PyTorch, and those that fail.
fn counted(outcomes: &[Outcome]) -> impl Iterator<Item = &Outcome> {
    outcomes.iter().filter(|outcome| {
        outcome.result.as_ref().ok().is_none_or(|(_, reference, _)| reference.is_from_pytorch())
    })
}

fn missed(outcomes: &[Outcome]) -> Vec<&str> {
    let missed = counted(outcomes).filter(|outcome| !outcome.holds());
    missed.map(|outcome| outcome.demo.name).collect()
}

/// One line for each demo, and one for all.
fn summary(outcomes: &[Outcome]) -> String {
    let mut rows =
        vec![row(&["demo", "numbers", "equal as printed", "largest difference", "verdict"])];
    let mut all = Vec::new();
    for outcome in counted(outcomes) {
        let name = outcome.demo.name;
        let Ok((_, _, comparison)) = &outcome.result else {
            rows.push(row(&[name, "", "", "", "FAILS"]));
            continue;
        };
        rows.push(sum(name, &comparison.numbers.iter().collect::<Vec<_>>(), outcome.holds()));
        all.extend(&comparison.numbers);
    }
    rows.push(sum("all", &all, missed(outcomes).is_empty()));
    table::aligned(&rows)
}

/// How many numbers there are, how many of them are equal, and how far the others lie apart at most.
fn sum(name: &str, numbers: &[&Pair], holds: bool) -> Vec<String> {
    let same = numbers.iter().filter(|pair| pair.gap == 0.0).count();
    let largest = numbers.iter().map(|pair| pair.gap).fold(0.0, larger);
    row(&[name, &numbers.len().to_string(), &same.to_string(), &gap(largest), verdict(holds)])
}

/// One line for each number.
fn every_number(outcomes: &[Outcome]) -> String {
    let mut rows =
        vec![row(&["demo", "line", "quantity", "PyTorch", "ours", "difference", "verdict"])];
    for outcome in counted(outcomes) {
        let name = outcome.demo.name;
        let Ok((_, _, comparison)) = &outcome.result else {
            rows.push(row(&[name, "", "", "", "", "", "FAILS"]));
            continue;
        };
        rows.extend(comparison.numbers.iter().map(|pair| {
            let quantity = format!("{} {}", pair.label.replace('|', "/"), pair.place);
            let (line, quantity) = (pair.line.to_string(), quantity.trim());
            let (gap, verdict) = (gap(pair.gap), verdict(pair.holds));
            row(&[name, &line, quantity, &pair.expected, &pair.ours, &gap, verdict])
        }));
    }
    table::aligned(&rows)
}

fn verdict(holds: bool) -> &'static str {
    if holds { "equal" } else { "MISSES" }
}

/// The larger of two, or NaN where one of them is, which `f64::max` would pass over.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

fn gap(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { format!("{value:.1e}") }
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::compare::compare;
    use crate::contents::demo;
    use crate::outputs::Reference;

    fn outcome(name: &str, from: &str, expected: &str, ours: &str) -> Outcome {
        let reference = Reference::parse(&format!("# from {from}\n{expected}\n")).expect("good");
        let comparison = compare(&reference.body, ours, reference.tolerance);
        Outcome {
            demo: demo(name).expect("a demo"),
            stdout: ours.to_owned(),
            result: Ok((PathBuf::new(), reference, comparison)),
            elapsed_s: 0.0,
        }
    }

    #[test]
    fn only_pytorchs_numbers_are_counted() {
        let outcomes = [
            outcome("dropout", "PyTorch 2.13.0", "mean 1.0000 0.5000 3", "mean 1.0000 0.50001 3"),
            outcome("causal_mask", "arithmetic", "1.0", "1.0"),
        ];
        let table = summary(&outcomes);
        assert!(missed(&outcomes).is_empty());
        let cells: Vec<_> =
            table.lines().nth(2).expect("a row").split('|').map(str::trim).collect();
        assert_eq!(cells[1..6], ["dropout", "3", "2", "1.0e-5", "equal"]);
        assert!(!table.contains("causal_mask"), "{table}");
        let table = every_number(&outcomes);
        assert_eq!(table.lines().count(), 2 + 3, "{table}");
        let cells: Vec<_> =
            table.lines().nth(3).expect("a row").split('|').map(str::trim).collect();
        assert_eq!(cells[1..8], ["dropout", "1", "mean 2", "0.5000", "0.50001", "1.0e-5", "equal"]);
    }

    #[test]
    fn a_miss_a_nan_and_a_demo_that_fails_are_not_green() {
        let miss = outcome("dropout", "PyTorch 2.13.0", "1.0000", "1.1");
        let nan = outcome("top_k", "PyTorch 2.13.0", "nan 1.0", "nan 1.0");
        let word = outcome("decoding", "PyTorch 2.13.0", "war 1.0", "battle 1.0");
        let mut fails = outcome("score", "PyTorch 2.13.0", "1.0", "1.0");
        fails.result = Err(anyhow::anyhow!("it failed"));
        let outcomes = [miss, nan, word, fails];
        assert_eq!(missed(&outcomes), ["dropout", "top_k", "decoding", "score"]);
        let table = summary(&outcomes);
        let with_nan: Vec<_> = table.lines().filter(|line| line.contains("NaN")).collect();
        assert!(
            with_nan.len() == 2 && with_nan[1].contains("all"),
            "a NaN shows in its row and in the last: {table}"
        );
        assert!(print(&outcomes, false).is_err());
    }
}
