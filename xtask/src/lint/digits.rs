//! Numbers as people write them.

/// The numbers of a line without sign and thousands separators, each with where it starts; no parts of words, no
/// versions such as 2.13.0.
pub fn numbers(line: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut previous = ' ';
    let mut i = 0;
    while let Some(c) = line[i..].chars().next() {
        if c.is_ascii_digit() && !is_word(previous) && previous != '.' {
            let length = line[i..]
                .find(|c: char| !(c.is_ascii_digit() || ".,".contains(c)))
                .unwrap_or(line.len() - i);
            let raw = line[i..i + length].trim_end_matches(['.', ',']);
            // An exponent belongs to its number, any other letter makes it part of a word (124M, 2x).
            let tail = &line[i + raw.len()..];
            let exponent = exponent_length(tail);
            let next = tail[exponent..].chars().next().unwrap_or(' ');
            if !is_word(next) && raw.matches('.').count() <= 1 {
                found.extend(split_list(raw, i, &tail[..exponent]));
            }
            i += raw.len() + exponent;
            previous = line[..i].chars().next_back().unwrap_or(' ');
        } else {
            previous = c;
            i += c.len_utf8();
        }
    }
    found
}

fn exponent_length(tail: &str) -> usize {
    let Some(digits) = tail.strip_prefix(['e', 'E']) else { return 0 };
    let sign = usize::from(digits.starts_with(['+', '-']));
    let count = digits[sign..].bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 { 0 } else { 1 + sign + count }
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
