//! `BENCHMARKS.md`: the newest table of each comparison, and below them a table of all kinds of processors that were measured on.

use std::fmt::Write;

use crate::table;

use super::compare::Outcome;

const PROCESSORS: &str = "## By processor";
const HEAD: &str = "| processor | comparison | ours, and the others (ours to theirs) | measured |
| --- | --- | --- | --- |";

/// How the figures of a group are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Tokens per second.
    Tokens,
    /// Entries of the instruction data per second.
    Entries,
    /// Milliseconds for the whole.
    Milliseconds,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Tokens => "tokens/s",
            Unit::Entries => "entries/s",
            Unit::Milliseconds => "ms",
        }
    }

    fn figure(self, rate: f64) -> String {
        match self {
            Unit::Milliseconds => format!("{:.0}", 1000.0 / rate),
            _ if rate < 100.0 => format!("{rate:.1}"),
            _ => format!("{rate:.0}"),
        }
    }
}

/// The table of an outcome, in Markdown, which reads well in a terminal too.
pub fn table(outcome: &Outcome, unit: Unit) -> String {
    let (median, slowest) =
        (format!("median, {}", unit.name()), format!("slowest, {}", unit.name()));
    let mut lines = vec![
        ["contender", &median, &slowest, "ours to theirs", "peak GB"].map(str::to_owned).to_vec(),
    ];
    lines.extend(outcome.rows.iter().map(|row| {
        vec![
            row.name.clone(),
            unit.figure(row.median),
            unit.figure(row.minimum),
            row.ratio.map_or(String::new(), |ratio| format!("{ratio:.2}")),
            format!("{:.1}", row.peak_bytes as f64 / 1e9),
        ]
    }));
    if outcome.rows.iter().any(|row| row.loss.is_some()) {
        lines[0].push("last loss".to_owned());
        for (line, row) in lines[1..].iter_mut().zip(&outcome.rows) {
            line.push(row.loss.map_or(String::new(), |loss| format!("{loss:.4}")));
        }
    }
    let mut text = table::aligned(&lines);
    for absent in &outcome.absent {
        let _ = writeln!(text, "\nNot measured: {absent}."); // writing to a string cannot fail
    }
    text
}

/// The row of a processor: ours, and each peer with ours to theirs.
pub fn row(processor: &str, key: &str, outcome: &Outcome, unit: Unit, date: &str) -> String {
    let mut words = Vec::new();
    for row in &outcome.rows {
        let ratio = row.ratio.map_or(String::new(), |ratio| format!(" ({ratio:.2})"));
        words.push(format!("{} {}{ratio}", row.name, unit.figure(row.median)));
    }
    format!("| {processor} | {key} | {} | {date} |", words.join(", "))
}

/// The page with the newest table of the comparison `key`, in place of an older one, and the row of its processor, in place of what
/// the same comparison gave on the same kind before.
pub fn record(page: &str, key: &str, block: &str, row: &str) -> String {
    let (open, close) = (format!("<!-- bench {key} -->"), "<!-- /bench -->");
    let block = format!("{open}\n{}\n{close}\n", block.trim_end());
    let end_of = |start: usize| page[start..].find(close).map(|at| start + at + close.len() + 1);
    let place = page.find(&open).and_then(|start| Some((start, end_of(start)?.min(page.len()))));
    let page = match (place, page.find(PROCESSORS)) {
        (Some((start, end)), _) => format!("{}{block}{}", &page[..start], &page[end..]),
        (None, Some(at)) => format!("{}{block}\n{}", &page[..at], &page[at..]),
        (None, None) => format!("{}\n\n{block}\n{PROCESSORS}\n\n{HEAD}\n", page.trim_end()),
    };
    with_row(&page, row)
}

/// The page with a row in the table of processors, sorted by processor and comparison.
fn with_row(page: &str, row: &str) -> String {
    let Some((before, table)) = page.split_once(HEAD) else {
        return page.to_owned();
    };
    let (rows, after): (Vec<&str>, Vec<&str>) =
        table.lines().skip(1).partition(|line| line.starts_with('|'));
    let name = |row: &str| row.split('|').take(3).map(str::trim).collect::<Vec<_>>().join("|");
    let mut rows: Vec<&str> = rows.into_iter().filter(|old| name(old) != name(row)).collect();
    rows.push(row);
    rows.sort_by_key(|row| name(row));
    let after: String = after.iter().flat_map(|line| [*line, "\n"]).collect();
    format!("{before}{HEAD}\n{}\n{after}", rows.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_table_takes_the_place_of_the_older_and_each_processor_keeps_its_row() {
        let row =
            |processor, key, figure| format!("| {processor} | {key} | ours {figure} | today |");
        let page = record("# Benchmarks\n\nWords.\n", "decode", "first", &row("Zen", "decode", 1));
        let page = record(&page, "train", "other", &row("Xeon", "train", 2));
        let page = record(&page, "decode", "second", &row("Xeon", "decode", 3));
        let page = record(&page, "decode", "third", &row("Xeon", "decode", 4));
        assert_eq!(
            page,
            format!(
                "# Benchmarks\n\nWords.\n\n<!-- bench decode -->\nthird\n<!-- /bench -->\n\n<!-- bench train -->\nother\n\
                 <!-- /bench -->\n\n## By processor\n\n{HEAD}\n| Xeon | decode | ours 4 | today |\n\
                 | Xeon | train | ours 2 | today |\n| Zen | decode | ours 1 | today |\n"
            )
        );
    }

    #[test]
    fn a_rate_is_shown_as_the_time_it_stands_for_where_time_is_what_one_waits_for() {
        assert_eq!(Unit::Milliseconds.figure(4.0), "250");
        assert_eq!(
            (Unit::Tokens.figure(53.25), Unit::Tokens.figure(319.4)),
            ("53.2".to_owned(), "319".to_owned())
        );
    }
}
