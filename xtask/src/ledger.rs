//! `ledger`: every number that a demo shares with PyTorch, side by side.
//!
//! The summary is a Markdown table, so that a page can quote it.

use std::path::Path;

use anyhow::{Result, bail};
use xtask::setup;

use crate::chapter::{Outcome, Run};
use crate::contents;

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
    let (table, missed) = if each_number { every_number(outcomes) } else { summary(outcomes) };
    println!("{table}");
    if missed.is_empty() {
        return Ok(());
    }
    bail!("the ledger is not green: {}", missed.join(", "))
}

/// One line for each demo whose output comes from PyTorch, and the names of those that miss.
fn summary(outcomes: &[Outcome]) -> (String, Vec<String>) {
    let mut rows =
        vec![row(&["demo", "numbers", "equal as printed", "largest difference", "verdict"])];
    let mut missed = Vec::new();
    let mut totals = (0, 0, 0.0_f64);
    for outcome in outcomes {
        match &outcome.result {
            Err(_) => {
                missed.push(outcome.demo.name.to_owned());
                rows.push(row(&[outcome.demo.name, "", "", "", "FAILS"]));
            }
            Ok((_, reference, comparison)) if reference.is_from_pytorch() => {
                let numbers = comparison.numbers.len();
                let same = comparison.numbers.iter().filter(|pair| pair.gap == 0.0).count();
                let largest = comparison.numbers.iter().map(|pair| pair.gap).fold(0.0, larger);
                totals = (totals.0 + numbers, totals.1 + same, larger(totals.2, largest));
                if !outcome.holds() {
                    missed.push(outcome.demo.name.to_owned());
                }
                let verdict = if outcome.holds() { "equal" } else { "MISSES" };
                let (numbers, same) = (numbers.to_string(), same.to_string());
                rows.push(row(&[outcome.demo.name, &numbers, &same, &gap(largest), verdict]));
            }
            Ok(_) => {}
        }
    }
    let verdict = if missed.is_empty() { "equal" } else { "MISSES" };
    rows.push(row(&["all", &totals.0.to_string(), &totals.1.to_string(), &gap(totals.2), verdict]));
    rows.insert(1, rule(5));
    (rows.join("\n"), missed)
}

/// One line for each number, and the names of the demos that miss.
fn every_number(outcomes: &[Outcome]) -> (String, Vec<String>) {
    let mut rows = vec![
        row(&["demo", "line", "quantity", "PyTorch", "ours", "difference", "verdict"]),
        rule(7),
    ];
    let mut missed = Vec::new();
    for outcome in outcomes {
        let name = outcome.demo.name;
        match &outcome.result {
            Err(_) => rows.push(row(&[name, "", "", "", "", "", "FAILS"])),
            Ok((_, reference, comparison)) if reference.is_from_pytorch() => {
                for pair in &comparison.numbers {
                    let quantity = format!("{} {}", pair.label.replace('|', "/"), pair.place);
                    let verdict = if pair.holds { "equal" } else { "MISSES" };
                    let line = pair.line.to_string();
                    rows.push(row(&[
                        name,
                        &line,
                        quantity.trim(),
                        &pair.expected,
                        &pair.ours,
                        &gap(pair.gap),
                        verdict,
                    ]));
                }
            }
            Ok(_) => continue,
        }
        if !outcome.holds() {
            missed.push(name.to_owned());
        }
    }
    (rows.join("\n"), missed)
}

/// The larger of two, or NaN where one of them is, which `f64::max` would pass over.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

fn gap(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { format!("{value:.1e}") }
}

fn row(cells: &[&str]) -> String {
    let (first, rest) = cells.split_first().unwrap_or((&"", &[]));
    let rest: Vec<_> = rest.iter().map(|cell| format!(" {cell:>18} |")).collect();
    format!("| {first:<20} |{}", rest.concat())
}

fn rule(columns: usize) -> String {
    format!("| {} |{}", "-".repeat(20), format!(" {}: |", "-".repeat(17)).repeat(columns - 1))
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
        let (table, missed) = summary(&outcomes);
        assert!(missed.is_empty());
        let cells: Vec<_> =
            table.lines().nth(2).expect("a row").split('|').map(str::trim).collect();
        assert_eq!(cells[1..6], ["dropout", "3", "2", "1.0e-5", "equal"]);
        assert!(!table.contains("causal_mask"), "{table}");
        let (table, _) = every_number(&outcomes);
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
        for (table, missed) in [summary(&outcomes), every_number(&outcomes)] {
            assert_eq!(missed, ["dropout", "top_k", "decoding", "score"], "{table}");
        }
        let (table, _) = summary(&outcomes);
        let with_nan: Vec<_> = table.lines().filter(|line| line.contains("NaN")).collect();
        assert!(
            with_nan.len() == 2 && with_nan[1].contains("all"),
            "a NaN shows in its row and in the last: {table}"
        );
        assert!(print(&outcomes, false).is_err());
    }
}
