//! Numbers as people write them.

use std::sync::LazyLock;

use regex::Regex;

/// The numbers of a line without sign and thousands separators, each with where it starts; no parts of words, no
/// versions such as 2.13.0.
pub fn numbers(line: &str) -> Vec<(usize, String)> {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:^|[^\w.])([0-9](?:[0-9.,]*[0-9])?)((?:[eE][+-]?[0-9]+)?)")
            .expect("a pattern")
    });
    let mut found = Vec::new();
    for number in NUMBER.captures_iter(line) {
        let (whole, (_, [raw, exponent])) = (number.get_match(), number.extract());
        // A letter that is no exponent makes it part of a word (124M, 2x).
        let is_part = line[whole.end()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if !is_part && raw.matches('.').count() <= 1 {
            found.extend(split_list(raw, whole.end() - exponent.len() - raw.len(), exponent));
        }
    }
    found
}

/// `1,024` is one number, `1,2` are two.
fn split_list(raw: &str, start: usize, exponent: &str) -> Vec<(usize, String)> {
    let whole = raw.split('.').next().unwrap_or(raw);
    let mut groups = whole.split(',');
    let first_fits = groups.next().is_some_and(|group| (1..=3).contains(&group.len()));
    if first_fits && groups.all(|group| group.len() == 3) {
        return vec![(start, format!("{}{exponent}", raw.replace(',', "")))];
    }
    let mut at = start;
    let mut found = Vec::new();
    for part in raw.split(',') {
        if !part.is_empty() {
            found.push((at, part.to_owned()));
        }
        at += part.len() + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let read = |line: &str| {
            numbers(line).into_iter().map(|(_, number)| number).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(read("It has 163,009,536 weights, 0.5 of 1,024."), "163009536 0.5 1024");
        assert_eq!(read("-3.5 and (2.25) and [1,2]"), "3.5 2.25 1 2");
        assert_eq!(read("1.5e-05 4e-4"), "1.5e-05 4e-4");
        assert_eq!(read("GPT-2 124M, torch 2.13.0, x2, v1_5"), "2");
        assert_eq!(read("in 2017, 3 of 4."), "2017 3 4");
    }
}
