//! Shapes in comments and in the chapters' inline code, such as `[B, T, C]`, use the letters of the legend.

use std::sync::LazyLock;

use regex::Regex;

use super::legend::Legend;
use crate::markdown::Page;

/// The letters of shapes in a text that the legend does not have.
///
/// A shape is a bracket of capitals, digits and arithmetic that holds at least one capital: `[B, T, 4 * C]`.
pub fn strange_letters(text: &str, legend: &Legend) -> Vec<String> {
    static SHAPE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\[([A-Z0-9 ,*/+()-]*)\]").expect("a pattern"));
    let mut findings = Vec::new();
    for (_, [inside]) in SHAPE.captures_iter(text).map(|shape| shape.extract()) {
        for word in inside.split(|c: char| !c.is_ascii_alphanumeric()) {
            let is_number = word.chars().all(|c| c.is_ascii_digit());
            if !is_number && !legend.letters.contains(word) {
                findings.push(format!("the legend has no letter {word}, used in [{inside}]"));
            }
        }
    }
    findings
}

/// Shapes in the inline code of a chapter that use other letters.
pub fn in_prose(page: &Page, legend: &Legend) -> Vec<String> {
    let strange = page.codes().flat_map(|(line, code)| {
        strange_letters(code, legend).into_iter().map(move |finding| (line, finding))
    });
    strange.map(|(line, finding)| format!("line {line}: {finding}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::lint::legend::tests::legend;

    #[test]
    fn shapes_with_letters_of_the_legend_pass_and_others_do_not() {
        for fine in [
            "// [B, T, C]",
            "// [B * T, 4 * C]",
            "// [2, 5]",
            "// [`mask`] [Self] [0, 1) x[i]",
            "// weight [C, C]",
            "// [V]",
        ] {
            assert!(strange_letters(fine, &legend()).is_empty(), "{fine}");
        }
        for (wrong, letter) in [
            ("// [B, S, C]", "S"),
            ("/// - `q`: `[N]`", "N"),
            ("// [BT, C]", "BT"),
            ("// [B, T, 2 * E]", "E"),
        ] {
            let findings = strange_letters(wrong, &legend());
            assert!(
                findings.len() == 1 && findings[0].contains(&format!("no letter {letter},")),
                "{wrong}: {findings:?}"
            );
        }
        let page = "Queries are `[B, S, C]`.\n\n```text\n[N, M]\n```\n[B, S] outside of code\n";
        assert_eq!(
            in_prose(&Page::new(page), &legend()),
            ["line 1: the legend has no letter S, used in [B, S, C]"]
        );
    }
}
