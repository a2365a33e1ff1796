//! JSON as other programs write it: with a byte order mark, or with Python's `NaN`.

use anyhow::{Context, Result};
use serde_json::Value;
use std::{fs::File, io::Read, path::Path};

/// Reads a JSON file, of which no more than `longest` bytes are looked at.
///
/// # Errors
/// If it cannot be read or is no JSON.
pub fn read(path: &Path, longest: u64) -> Result<Value> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(longest).read_to_string(&mut text));
    read.with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| format!("{} is not JSON; fetch it again", path.display()))
}

fn parse(text: &str) -> serde_json::Result<Value> {
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text)
        .or_else(|error| serde_json::from_str(&quote_python_numbers(text)).map_err(|_| error))
}

/// Puts quotation marks around `NaN` and `Infinity`, which Python's `json.dumps` writes and JSON does not know: a key that nobody
/// asks for may hold them, and where a number is needed they are refused as a text.
fn quote_python_numbers(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    let (mut in_string, mut start) = (false, 0);
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' if in_string => drop(characters.next()),
            '"' => {
                let part = &text[start..at];
                quoted += &if in_string { part.to_owned() } else { quote_words(part) };
                quoted.push('"');
                (in_string, start) = (!in_string, at + 1);
            }
            _ => {}
        }
    }
    quoted + &quote_words(&text[start..])
}

fn quote_words(part: &str) -> String {
    part.replace("-Infinity", "Infinity")
        .replace("Infinity", "\"Infinity\"")
        .replace("NaN", "\"NaN\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_byte_order_mark_and_pythons_numbers_are_read() {
        let read = parse("\u{feff}{\"a\": NaN, \"b\": [-Infinity, 1], \"c \\\" NaN\": \"NaN\"}");
        let expected = json!({"a": "NaN", "b": ["Infinity", 1], "c \" NaN": "NaN"});
        assert_eq!(read.expect("nearly JSON"), expected);
    }

    #[test]
    fn what_is_no_json_is_refused_with_the_place() {
        let said = parse("{\"a\": 1,, }").expect_err("two commas").to_string();
        assert!(said.contains("line 1 column 9"), "{said}");
    }
}
