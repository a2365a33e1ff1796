//! Numbers as people write them.

use std::sync::LazyLock;

use regex::Regex;

/// The numbers of a line without sign and thousands separators, each with where it starts; no parts of words, no
/// versions such as 2.13.0.
pub fn numbers(line: &str) -> Vec<(usize, String)> {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
        let whole = r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+"; // `1,024` is one number, `1,2` are two
        let number = format!(r"(?:^|[^\w.])((?:{whole})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\b");
        Regex::new(&number).expect("a pattern")
    });
    let is_version = |end: usize| {
        let rest = line[end..].strip_prefix('.');
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let found = NUMBER.captures_iter(line).filter_map(|number| number.get(1));
    found
        .filter(|number| !is_version(number.end()))
        .map(|number| (number.start(), number.as_str().replace(',', "")))
        .collect()
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
