//! How good an answer is, in another model's opinion (chapter 5.5): what a judge is asked, and how a mark is read out of its reply.

use crate::instructions::Entry;
use regex::Regex;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{fmt, sync::LazyLock};

/// A longer text is searched for no mark.
const MOST_CHARACTERS: usize = 1 << 15;
/// After these a model has thought, and says what it means.
const THOUGHT: [&str; 4] = ["</think>", "</thinking>", "</reasoning>", "[/THINK]"];
/// Before these ends what it says.
const THINKING: [&str; 4] = ["<think>", "<thinking>", "<reasoning>", "[THINK]"];

/// A whole line such as `Score: 85`, `**The score is 85/100.**` or `"score": 85,`, or a whole reply that is a number.
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    let words = r"(?:(?:the|my|final|overall|total)\s+)*score(?:\s*\(0\s*(?:-|–|to)\s*100\))?";
    let number = r"(-?\d+(?:\.\d+)?)(?:\s*(?:/|out of)\s*100)?";
    let line =
        format!(r"(?i)^[^\w-]*{words}[^\w-]*(?:(?:is|of|would be)\b[^\w-]*)?{number}[^\w/]*$");
    Regex::new(&line).expect("a regular expression")
});
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[^\w-]*(-?\d+(?:\.\d+)?)(?:\s*/\s*100)?[^\w/]*$").expect("a regular expression")
});

/// What the judge is asked.
///
/// The mark is to come as JSON, which Ollama's `format` enforces.
pub fn question(entry: &Entry, answer: &str) -> String {
    let expected = if entry.output.trim().is_empty() {
        String::new()
    } else {
        format!(" and the correct output `{}`", entry.output)
    };
    format!(
        "Given the task `{}`{expected}, score the model response `{answer}` on a scale from 0 to 100, where 100 is the \
         best score. Respond with the integer number only, as JSON: {{\"score\": integer}}.",
        entry.prompt().trim_end_matches("\n\n### Response:\n")
    )
}

/// What came of asking for a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A mark from 0 to 100.
    Mark(u8),
    /// An answer that is no mark, as it was.
    Unusable(String),
    /// No whole answer, and why: the judge reported an error, broke off or took too long. The next answer may fare better.
    Failed(String),
}

/// Reads the one mark that a text holds: `{"score": 87}`, bare, in a fence, after words or thoughts, or `Score: 87`.
///
/// A text with none, with two that differ, or with one that is no integer from 0 to 100 is no mark: nobody may guess what was meant.
pub fn parse_mark(text: &str) -> Verdict {
    let mut marks = if text.len() > MOST_CHARACTERS { Vec::new() } else { candidates(said(text)) };
    marks.dedup();
    match marks[..] {
        [Some(mark)] => Verdict::Mark(mark),
        _ => Verdict::Unusable(text.to_owned()),
    }
}

/// What was said after all thinking.
fn said(text: &str) -> &str {
    let ends = THOUGHT.iter().filter_map(|end| Some(text.rfind(end)? + end.len()));
    let said = &text[ends.max().unwrap_or(0)..];
    let begins = THINKING.iter().filter_map(|begin| said.find(begin));
    said[..begins.min().unwrap_or(said.len())].trim()
}

/// Every score that a text names; `None` for one that is no integer from 0 to 100.
fn candidates(text: &str) -> Vec<Option<u8>> {
    if let Some(found) = NUMBER.captures(text) {
        return vec![integer(&found[1])];
    }
    let mut marks = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        rest = &rest[at..];
        let mut objects = serde_json::Deserializer::from_str(rest).into_iter::<Scores>();
        let scores =
            objects.next().and_then(Result::ok).map_or_else(Vec::new, |Scores(found)| found);
        // Inside an object without a score there may be one that has it.
        rest = &rest[if scores.is_empty() { 1 } else { objects.byte_offset() }..];
        marks.extend(scores);
    }
    marks.extend(text.lines().filter_map(|line| Some(integer(&LINE.captures(line)?[1]))));
    marks
}

/// What is under each key `score` of an object, both where it comes twice.
struct Scores(Vec<Option<u8>>);

impl<'de> Deserialize<'de> for Scores {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Scores(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Scores {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            if key.eq_ignore_ascii_case("score") {
                self.0.push(integer(value.get().trim_matches('"').trim()));
            }
        }
        Ok(self)
    }
}

/// `87` and `87.0`, from 0 to 100.
fn integer(text: &str) -> Option<u8> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let possible = !whole.is_empty() && digits(whole) && fraction.bytes().all(|byte| byte == b'0');
    whole.parse().ok().filter(|&mark| possible && mark <= 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unambiguous_score_is_read_whatever_stands_around_it() {
        for (text, mark) in [
            (r#"{"score": 87}"#, 87),
            (" 100\n", 100),
            ("**85**", 85),
            ("85/100", 85),
            ("```json\n{\"score\": 71}\n```", 71),
            ("<think>Wrong, so about {\"score\": 5}?</think>\n\n{\"score\": 72}", 72),
            ("It is wrong, say 5.\n</think>\n{\"score\": 72}", 72),
            (r#"{"score": 73.0}"#, 73),
            (r#"{"score": "74"}"#, 74),
            (r#"Here is my judgement: {"score": 80}. It misses the point {a little}."#, 80),
            (r#"{"result": {"score": 12, "reason": "two of 3"}}"#, 12),
            ("{\n  \"reason\": \"fine\",\n  \"Score\": 90\n}", 90),
            ("{'score': 65}", 65),
            ("Score: 85\n\nThe answer is right, but 2 words are missing.", 85),
            ("**Final score:** 40/100", 40),
            ("The score is 7.", 7),
            ("Score (0-100): 55", 55),
            ("{\"score\": 60}\n{\"score\": 60}", 60),
        ] {
            assert_eq!(parse_mark(text), Verdict::Mark(mark), "{text}");
        }
    }

    #[test]
    fn what_is_ambiguous_or_no_integer_from_0_to_100_is_no_mark() {
        for text in [
            r#"{"score": 101}"#,
            r#"{"score": -1}"#,
            r#"{"score": 87.5}"#,
            r#"{"score": 1e1}"#,
            r#"{"score": null}"#,
            r#"{"score": 80, "score": 20}"#,
            r#"{"score": 80} or rather {"score": 20}"#,
            "Score: 80\nScore: 60",
            "Score: 8/10",
            "Score: -5",
            "-5",
            "I would say 85/100.",
            "Between 60 and 70.",
            "good",
            "",
            "{}",
            "<think>{\"score\": 5}",
        ] {
            assert_eq!(parse_mark(text), Verdict::Unusable(text.to_owned()));
        }
    }
}
