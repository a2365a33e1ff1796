//! Numbers in the chapters' sentences come from woven blocks: a decimal, or an integer from 1,000 on, must stand in a
//! woven block of its chapter (more exactly, perhaps) or in the legend, or its line must carry a link. Free are smaller
//! integers (they count what the text itself sets up), years, the numbers of sections, equations and versions,
//! headings, inline code and formulas.

use std::collections::BTreeSet;

use super::digits::numbers;
use super::legend::Legend;
use crate::weave::{Place, places};

/// Numbers in a chapter's sentences that no woven block shows.
pub fn unproven(text: &str, legend: &Legend) -> Vec<String> {
    let places = places(text);
    let woven = text.lines().zip(&places).filter(|(_, place)| **place == Place::Woven);
    let mut known: BTreeSet<String> =
        woven.flat_map(|(line, _)| numbers(line)).map(|(_, number)| number).collect();
    known.extend(legend.numbers.iter().cloned());
    let known_values: Vec<f64> = known.iter().filter_map(|number| number.parse().ok()).collect();
    let mut findings = Vec::new();
    for (i, line) in prose_lines(text, &places) {
        if line.contains("](") || line.contains("<http") || line.starts_with('#') {
            continue;
        }
        for (start, number) in numbers(&line) {
            if is_free(&line[..start], &number) || known.contains(&number) {
                continue;
            }
            let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            let rounds_to = |value: &f64| format!("{:.decimals$}", value.abs()) == number;
            if !known_values.iter().any(rounds_to) {
                findings
                    .push(format!("line {i}: {number} stands in no woven block of this page and its line has no link"));
            }
        }
    }
    findings
}

/// Numbers that need no proof, by themselves or by the word before them.
fn is_free(before: &str, number: &str) -> bool {
    if !number.contains('.') {
        let value: f64 = number.parse().unwrap_or(f64::INFINITY);
        return value < 1000.0 || (1900.0..2100.0).contains(&value);
    }
    let word: String =
        before.trim_end().rsplit([' ', '(', ',']).next().unwrap_or_default().to_lowercase();
    let named = [
        "section",
        "sections",
        "chapter",
        "chapters",
        "equation",
        "equations",
        "figure",
        "table",
        "version",
    ];
    let programs =
        ["pytorch", "libtorch", "rust", "python", "tch", "mdbook", "transformers", "torch"];
    named.contains(&word.as_str()) || programs.contains(&word.as_str()) || word == "§"
}

/// The lines of prose, numbered from 1, with comments, inline code and formulas blanked.
fn prose_lines(text: &str, places: &[Place]) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    // Both may span lines: a displayed formula and a comment.
    let (mut in_formula, mut in_comment) = (false, false);
    for (i, (line, place)) in text.lines().zip(places).enumerate() {
        if *place != Place::Prose {
            continue;
        }
        let mut line = line.to_owned();
        blank(&mut line, "<!--", "-->", &mut in_comment);
        // A comment that quotes dollars, or code that does, opens no formula.
        blank(&mut line, "`", "`", &mut false);
        blank(&mut line, "$$", "$$", &mut in_formula);
        blank(&mut line, "$", "$", &mut false);
        lines.push((i + 1, line));
    }
    lines
}

/// Puts blanks over what stands between two marks, the marks included.
fn blank(line: &mut String, open: &str, close: &str, inside: &mut bool) {
    let (mut kept, mut rest) = (String::new(), line.as_str());
    loop {
        if *inside {
            let Some((_, after)) = rest.split_once(close) else { break };
            kept.push(' ');
            rest = after;
            *inside = false;
        }
        let Some((before, after)) = rest.split_once(open) else {
            kept.push_str(rest);
            break;
        };
        kept.push_str(before);
        rest = after;
        *inside = true;
    }
    *line = kept;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::legend::tests::legend;

    #[test]
    fn a_number_in_a_sentence_needs_a_block_or_a_link() {
        let page = |sentence: &str| {
            format!(
                "# 1.5 Title\n\n{sentence}\n\n<!-- weave a.out -->\n```text\nloss 3.14159 -0.25 12345\n```\n<!-- /weave -->\n"
            )
        };
        for fine in [
            "The loss is 3.14159.",
            "About 3.14, a quarter (0.25) less; 12,345 tokens of 50,257.",
            "Three rows of 12, as in section 3.2 and Vaswani et al. 2017, equation 1, on PyTorch 2.13.",
            "The code says `0.7` and the formula $x = 0.7$.",
            "A log shows 9.99 ([run](x.md)).",
            "$$\n0.123\n$$",
            "<!-- a remark: 0.77\nand 0.88 -->",
        ] {
            assert_eq!(unproven(&page(fine), &legend()), Vec::<String>::new(), "{fine}");
        }
        for (wrong, number) in [
            ("The loss is 3.1417.", "3.1417"),
            ("It took 0.7 seconds.", "0.7"),
            ("There are 12,346 tokens.", "12346"),
            ("| a | 0.9 |", "0.9"),
            ("`0.25` is not 0.26.", "0.26"),
        ] {
            let findings = unproven(&page(wrong), &legend());
            assert!(
                findings.len() == 1 && findings[0].starts_with(&format!("line 3: {number} ")),
                "{wrong}: {findings:?}"
            );
        }
    }
}
