//! Words that read as translated, and spellings that are not American: `words.txt` has them, each with what is written instead.
//!
//! Only whole phrases of which nearly every use is a slip stand a chance here; what is good English in some sentence is left out.

use crate::markdown::Page;
use crate::source::Source;

/// A phrase in lower case and what is better, on each line.
const LIST: &str = include_str!("words.txt");

/// The phrases in the comments and texts of a source, its tests apart.
pub fn in_source(source: &Source) -> Vec<String> {
    let tests = source.test_lines();
    let lines = source.lines.iter().enumerate().map(|(i, line)| (i + 1, line));
    let read = lines.filter(|(number, _)| !tests.contains(number));
    read.flat_map(|(number, line)| in_text(line).into_iter().map(move |(_, what)| (number, what)))
        .map(|(number, what)| format!("line {number}: {what}"))
        .collect()
}

/// The phrases in the sentences of a page, those that a line break cuts included.
pub fn in_page(page: &Page) -> Vec<String> {
    let found = in_text(&page.sentences().replace('\n', " "));
    found.iter().map(|(at, what)| format!("line {}: {what}", page.line(*at))).collect()
}

/// Each phrase of the list that a text has, with the byte at which it begins.
fn in_text(text: &str) -> Vec<(usize, String)> {
    let lower = text.to_ascii_lowercase();
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut found = Vec::new();
    for (phrase, better) in LIST.lines().filter_map(|line| line.split_once(" = ")) {
        for (at, _) in lower.match_indices(phrase) {
            let (before, after) = (&lower[..at], &lower[at + phrase.len()..]);
            if !before.ends_with(is_part) && !after.starts_with(is_part) {
                found.push((at, format!("`{phrase}` reads as translated; better: {better}")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_phrases_are_found_in_any_case_and_parts_of_words_are_not() {
        for (wrong, at) in
            [("It has learnt it.", 7), ("Else than that", 0), ("a grey, cold day", 2)]
        {
            let found = in_text(wrong);
            assert!(found.len() == 1 && found[0].0 == at, "{wrong}: {found:?}");
        }
        for fine in
            ["learned", "greyhound", "a stand-in for it", "blank lines", "the articles a and an"]
        {
            assert_eq!(in_text(fine), [], "{fine}");
        }
    }

    #[test]
    fn sentences_are_read_across_lines_and_code_is_not() {
        let text = "# Title\n\nThe lamp stands\nin the hall.\n\n`blanks` and\n\n```text\nblanks learnt\n```\n";
        let found = in_page(&Page::new(text));
        assert!(found.len() == 1 && found[0].starts_with("line 3: `stands in`"), "{found:?}");
    }

    #[test]
    fn comments_and_texts_of_a_source_are_read_and_its_tests_are_not() {
        let text = "/// Its colour.\nfn f() -> &'static str {\n    \"no licence\"\n}\n\
                    #[cfg(test)]\nmod tests {\n    // learnt\n}\n";
        let found = in_source(&Source::parse(text).expect("Rust"));
        assert!(found.len() == 2 && found[1].starts_with("line 3: `licence`"), "{found:?}");
    }

    #[test]
    fn every_line_of_the_list_has_a_phrase_and_what_is_better() {
        for line in LIST.lines() {
            let (phrase, better) = line.split_once(" = ").expect(line);
            assert!(phrase == phrase.to_ascii_lowercase() && !better.is_empty(), "{line}");
        }
    }
}
