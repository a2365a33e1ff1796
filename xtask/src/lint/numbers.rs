//! Numbers in the chapters' sentences come from woven blocks: a decimal, or an integer from 1,000 on, must be in a
//! woven block of its chapter (more exactly, perhaps) or in the legend, or its line must carry a link. Free are smaller
//! integers (they count what the text itself sets up), years, the numbers of sections, equations and versions,
//! headings, inline code and formulas.

use std::collections::BTreeSet;

use pulldown_cmark::{Event, Tag};

use super::digits::numbers;
use super::legend::Legend;
use crate::markdown::Page;

/// Numbers in a chapter's sentences that no woven block shows.
pub fn unproven(page: &Page, legend: &Legend) -> Vec<String> {
    let woven = page.woven();
    let blocks = woven.iter().flat_map(|range| page.text[range.clone()].lines());
    let mut known: BTreeSet<String> = blocks.flat_map(numbers).map(|(_, number)| number).collect();
    known.extend(legend.numbers.iter().cloned());
    let values: Vec<f64> = known.iter().filter_map(|number| number.parse().ok()).collect();
    let linked = lines_with_link(page);
    let sentences = page.sentences();
    let mut findings = Vec::new();
    for (i, (line, source)) in sentences.lines().zip(page.text.lines()).enumerate() {
        if source.starts_with('#') || linked.contains(&(i + 1)) {
            continue;
        }
        for (start, number) in numbers(line) {
            if is_free(&line[..start], &number) || known.contains(&number) {
                continue;
            }
            let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            let rounds_to = |value: &f64| format!("{:.decimals$}", value.abs()) == number;
            if !values.iter().any(rounds_to) {
                findings.push(format!(
                    "line {}: {number} is in no woven block of this page and its line has no link",
                    i + 1
                ));
            }
        }
    }
    findings
}

/// The lines that carry a link or a part of one.
fn lines_with_link(page: &Page) -> BTreeSet<usize> {
    let is_link =
        |event: &Event| matches!(event, Event::Start(Tag::Link { .. } | Tag::Image { .. }));
    let links = page.events.iter().filter(|(event, _)| is_link(event));
    links.flat_map(|(_, range)| page.line(range.start)..=page.line(range.end)).collect()
}

/// Words after which a decimal needs no proof.
const NAMED: &str = "section sections chapter chapters equation equations figure table version § \
                     pytorch libtorch rust python tch mdbook transformers torch";

/// Numbers that need no proof, by themselves or by the word before them.
fn is_free(before: &str, number: &str) -> bool {
    if !number.contains('.') {
        let value: f64 = number.parse().unwrap_or(f64::INFINITY);
        return value < 1000.0 || (1900.0..2100.0).contains(&value);
    }
    let word = before.trim_end().rsplit([' ', '(', ',']).next().unwrap_or_default();
    NAMED.split(' ').any(|named| named == word.to_lowercase())
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
            assert_eq!(
                unproven(&Page::new(&page(fine)), &legend()),
                Vec::<String>::new(),
                "{fine}"
            );
        }
        for (wrong, number) in [
            ("The loss is 3.1417.", "3.1417"),
            ("It took 0.7 seconds.", "0.7"),
            ("There are 12,346 tokens.", "12346"),
            ("| a | 0.9 |", "0.9"),
            ("`0.25` is not 0.26.", "0.26"),
        ] {
            let findings = unproven(&Page::new(&page(wrong)), &legend());
            assert!(
                findings.len() == 1 && findings[0].starts_with(&format!("line 3: {number} ")),
                "{wrong}: {findings:?}"
            );
        }
    }
}
