//! Parts of what `weave` copies: lines of a source by words that occur in them, lines of an output by their numbers.

use anyhow::{Context, Result, bail, ensure};

/// Between the words of a slice's first line and those of its last one.
const TO: &str = " … ";

/// The lines from the one that holds some words to the next one that holds others, as `let q … let v` says; without a ` … `
/// the one line. They are un-indented together.
///
/// # Errors
/// If the first words occur in no line or in several, or if the others occur in none from there on.
pub fn by_words(text: &str, words: &str) -> Result<String> {
    let (first, last) = words.split_once(TO).unwrap_or((words, words));
    let (first, last) = (first.trim(), last.trim());
    let lines: Vec<&str> = text.lines().collect();
    let holding: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].contains(first)).collect();
    let [start] = holding[..] else {
        bail!("`{first}` occurs in {} lines; the words must name one", holding.len());
    };
    let length = lines[start..]
        .iter()
        .position(|line| line.contains(last))
        .with_context(|| format!("`{last}` occurs in no line from `{first}` on"))?;
    let slice = &lines[start..=start + length];
    let full = slice.iter().filter(|line| !line.trim().is_empty());
    let indent = full.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let cut: Vec<_> = slice.iter().map(|line| line.get(indent..).unwrap_or_default()).collect();
    Ok(cut.join("\n"))
}

/// The lines of an output that `5`, `2-5` or `1-2,7-9` names; a line of dots stands for what is left out.
pub fn by_numbers(body: &str, numbers: &str) -> Result<String> {
    let all: Vec<_> = body.lines().collect();
    let parse = |number: &str| {
        number.parse::<usize>().with_context(|| format!("`#{numbers}` names no lines"))
    };
    let (mut chosen, mut shown) = (Vec::new(), 0);
    for part in numbers.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (parse(first)?, parse(last)?);
        let (count, in_order) = (all.len(), (1..=last).contains(&first) && first > shown);
        ensure!(in_order && last <= count, "it has lines 1 to {count}, not {numbers}");
        if first > shown + 1 {
            chosen.push("…");
        }
        chosen.extend(&all[first - 1..last]);
        shown = last;
    }
    if shown < all.len() {
        chosen.push("…");
    }
    Ok(chosen.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "fn main() {\n    let q = 1;\n    if q > 0 {\n        show(q);\n\n        show(2);\n    }\n}";

    #[test]
    fn words_name_the_first_and_the_last_line_of_a_slice() {
        for (words, slice) in [
            ("let q", "let q = 1;"),
            ("let q … if q", "let q = 1;\nif q > 0 {"),
            ("if q … show(2)", "if q > 0 {\n    show(q);\n\n    show(2);"),
        ] {
            assert_eq!(by_words(CODE, words).expect(words), slice);
        }
    }

    #[test]
    fn words_that_name_no_line_or_several_are_refused() {
        for (words, message) in [
            ("let k", "`let k` occurs in 0 lines"),
            ("show", "`show` occurs in 2 lines"),
            ("if q … let q", "`let q` occurs in no line from `if q` on"),
        ] {
            let error = format!("{:#}", by_words(CODE, words).expect_err(words));
            assert!(error.contains(message), "{words}: {error}");
        }
    }

    #[test]
    fn several_ranges_of_an_output_are_joined_by_dots() {
        let body = "1\n2\n3\n4\n5";
        for (numbers, lines) in [
            ("1-5", "1\n2\n3\n4\n5"),
            ("2", "…\n2\n…"),
            ("1-2,4", "1\n2\n…\n4\n…"),
            ("1,2,5", "1\n2\n…\n5"),
        ] {
            assert_eq!(by_numbers(body, numbers).expect(numbers), lines);
        }
        for wrong in ["0-1", "3-9", "3,2", "1-3,3-4", "x", "1,"] {
            assert!(by_numbers(body, wrong).is_err(), "{wrong}");
        }
    }
}
