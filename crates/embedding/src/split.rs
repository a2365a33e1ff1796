//! GPT-2's first cut (chapter 1.2): words with the space before them, numbers, marks, runs of whitespace. Merges never cross it.

use std::sync::LazyLock;

use regex::Regex;

/// Cuts a text into the pieces that are byte-pair encoded one by one; joined together they are the text again.
pub fn split_pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(piece) = first_piece(rest) {
        pieces.push(piece);
        rest = &rest[piece.len()..];
    }
    pieces
}

/// The piece that a text begins with, or none if it is empty.
///
/// # Source
/// The pattern of `Encoder` in GPT-2's `encoder.py` (<https://github.com/openai/gpt-2>), whose last two alternatives are
/// `\s+(?!\S)|\s+`: a run of whitespace leaves its last character to the word that follows.
///
/// # Differs
/// This engine has no look-ahead, so the last two are one, `\s+`, and the run gives its last character back afterwards.
pub fn first_piece(text: &str) -> Option<&str> {
    static PIECE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+")
            .expect("the pattern is a constant and compiles")
    });

    let piece = PIECE.find(text)?.as_str();
    let last = piece.chars().next_back()?;
    if last.is_whitespace() && piece.len() < text.len() && piece.len() > last.len_utf8() {
        return Some(&piece[..piece.len() - last.len_utf8()]);
    }
    Some(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        split_pieces(text)
    }

    #[test]
    fn a_space_belongs_to_the_word_after_it() {
        assert_eq!(pieces("one two, 34!"), ["one", " two", ",", " 34", "!"]);
    }

    #[test]
    fn a_run_of_whitespace_leaves_its_last_character_to_the_next_piece() {
        assert_eq!(pieces("a   b"), ["a", "  ", " b"]);
        assert_eq!(pieces("a\n\nb"), ["a", "\n", "\n", "b"]); // only a space joins the word
        assert_eq!(pieces("a  \n"), ["a", "  \n"]); // at the end there is no next piece
        assert_eq!(pieces("a\u{3000}\u{3000}b"), ["a", "\u{3000}", "\u{3000}", "b"]);
    }

    #[test]
    fn english_endings_are_pieces_of_their_own() {
        assert_eq!(pieces("I'll don't 'Twas"), ["I", "'ll", " don", "'t", " '", "Twas"]);
    }

    #[test]
    fn letters_numbers_and_marks_are_told_apart_in_any_script() {
        assert_eq!(pieces("x²Ⅷ"), ["x", "²Ⅷ"]);
        assert_eq!(pieces("e\u{301}"), ["e", "\u{301}"]); // a combining mark is no letter
        assert_eq!(pieces(""), [""; 0]);
    }
}
