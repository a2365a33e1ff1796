//! Which part of a text is learned, and which is kept to see what was learned (chapter 4.1).

/// Strips each line of whitespace at both ends and leaves out those that are then empty.
pub fn clean_lines(text: &str) -> String {
    let lines: Vec<&str> =
        text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// Cuts a text after the given share of its characters: the first part for training, the rest for validation.
///
/// Characters are code points, as in Python, so that both languages cut at the same place.
pub fn split_by_characters(text: &str, training_share: f64) -> (&str, &str) {
    let training_characters = (text.chars().count() as f64 * training_share) as usize;
    let cut = text.char_indices().nth(training_characters).map_or(text.len(), |(at, _)| at);
    text.split_at(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_stripped_and_empty_ones_left_out() {
        assert_eq!(clean_lines("  a b \n\n \t\r\nc\r\n"), "a b\nc");
    }

    #[test]
    fn a_text_is_cut_between_characters_and_not_between_bytes() {
        assert_eq!(split_by_characters("äöüß€", 0.5), ("äö", "üß€"));
        assert_eq!(split_by_characters("ab", 1.0), ("ab", ""));
    }
}
