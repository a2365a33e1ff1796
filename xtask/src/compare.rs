//! When a demo's output equals the expected one.
//!
//! Words and integers must be equal; decimals may differ by `rtol * |expected| + atol`; NaN equals nothing.

use std::fmt;

use crate::outputs::Tolerance;

/// One place where an output is not what it must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Line of the output, from 1.
    pub line: usize,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub ours: String,
    /// Which word or number, and by how much.
    pub why: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}: {}\n  expected  {}\n  ours      {}",
            self.line, self.why, self.expected, self.ours
        )
    }
}

/// A decimal that both outputs have in one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Line of the output, from 1.
    pub line: usize,
    /// What the number is: the words of its line before the first number, else the nearest line of words above.
    pub label: String,
    /// Which number of its line, from 1.
    pub place: usize,
    /// As printed.
    pub expected: String,
    /// As printed.
    pub ours: String,
    /// `|ours - expected|`; NaN where one of them is NaN, 0 for two equal infinities.
    pub gap: f64,
    /// Whether the tolerance, or for integers equality, is met.
    pub holds: bool,
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Empty where the outputs agree.
    pub differences: Vec<Difference>,
    /// Every number, integers included, that is in the same place in both.
    pub numbers: Vec<Pair>,
}

/// Compares an output with the expected one, line by line and word by word.
pub fn compare(expected: &str, ours: &str, tolerance: Tolerance) -> Comparison {
    let theirs: Vec<&str> = expected.trim_end().lines().collect();
    let ours: Vec<&str> = ours.trim_end().lines().collect();
    let mut comparison = Comparison::default();
    let mut heading = String::new();
    for (i, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
        let before = comparison.numbers.len();
        compare_line(i + 1, theirs, ours, tolerance, &mut comparison);
        let of_this_line = &mut comparison.numbers[before..];
        if of_this_line.is_empty() {
            heading = label(&theirs.split_whitespace().collect::<Vec<_>>());
        }
        for pair in of_this_line.iter_mut().filter(|pair| pair.label.is_empty()) {
            pair.label.clone_from(&heading);
        }
    }
    comparison.differences.extend(surplus(&theirs, &ours));
    comparison
}

/// The difference that one output goes on where the other ends.
fn surplus(theirs: &[&str], ours: &[&str]) -> Option<Difference> {
    let both = theirs.len().min(ours.len());
    let why = if theirs.len() > both {
        format!("the output ends {} lines early", theirs.len() - both)
    } else if ours.len() > both {
        format!("the output has {} lines too many", ours.len() - both)
    } else {
        return None;
    };
    let there = |lines: &[&str]| (*lines.get(both).unwrap_or(&"(end of output)")).to_owned();
    Some(Difference { line: both + 1, expected: there(theirs), ours: there(ours), why })
}

fn compare_line(
    line: usize,
    theirs: &str,
    ours: &str,
    tolerance: Tolerance,
    comparison: &mut Comparison,
) {
    let mut whys = Vec::new();
    let (their_words, our_words): (Vec<_>, Vec<_>) =
        (theirs.split_whitespace().collect(), ours.split_whitespace().collect());
    if their_words.len() != our_words.len() {
        whys.push(format!("{} words expected, {} printed", their_words.len(), our_words.len()));
    }
    let label = label(&their_words);
    let mut place = 0;
    for (&theirs, &ours) in their_words.iter().zip(&our_words) {
        let why = differs(theirs, ours, tolerance);
        if let (Some(expected), Some(value)) = (number(theirs), number(ours)) {
            place += 1;
            let is_same = theirs == ours && !expected.is_nan();
            let gap = if is_same { 0.0 } else { (value - expected).abs() };
            let (label, expected, ours) = (label.clone(), theirs.to_owned(), ours.to_owned());
            let holds = why.is_none();
            comparison.numbers.push(Pair { line, label, place, expected, ours, gap, holds });
        }
        whys.extend(why);
    }
    if whys.is_empty() {
        return;
    }
    if whys.len() > 3 {
        let more = whys.split_off(3).len();
        whys.push(format!("and {more} more on this line"));
    }
    let (expected, ours, why) = (theirs.to_owned(), ours.to_owned(), whys.join("; "));
    comparison.differences.push(Difference { line, expected, ours, why });
}

/// Why a word may not stand for the expected one; nothing where it may.
fn differs(theirs: &str, ours: &str, tolerance: Tolerance) -> Option<String> {
    let is_nan = |word: &str| number(word).is_some_and(f64::is_nan);
    if is_nan(theirs) || is_nan(ours) {
        return Some(format!("{ours} where {theirs} is expected; NaN equals nothing"));
    }
    if theirs == ours {
        return None;
    }
    let (Some(expected), Some(value)) = (decimal(theirs), decimal(ours)) else {
        return Some(format!("`{ours}` instead of `{theirs}`"));
    };
    let bound = tolerance.rtol * expected.abs() + tolerance.atol;
    let gap = (value - expected).abs();
    let why = format!("{ours} lies {gap:.3e} from {theirs}, {bound:.3e} is allowed");
    (!tolerance.allows(value, expected)).then_some(why)
}

fn label(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().take_while(|word| number(word).is_none()).copied().collect();
    words.join(" ").trim_end_matches([':', '=']).trim_end().to_owned()
}

/// A number as a word of its own, infinities and NaN included.
fn number(word: &str) -> Option<f64> {
    word.parse().ok()
}

/// A word that is compared by tolerance: with a point or an exponent, or infinite.
fn decimal(word: &str) -> Option<f64> {
    number(word).filter(|value| value.is_infinite() || word.contains(['.', 'e', 'E']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agrees(expected: &str, ours: &str) -> bool {
        compare(expected, ours, Tolerance::default()).differences.is_empty()
    }

    #[test]
    fn what_counts_as_equal() {
        for (expected, ours) in [
            ("loss 3.1412", "loss 3.1412"),
            ("loss 3.1412", "loss 3.1414"), // 2e-4 apart, 3.1e-4 allowed
            ("0.3333   0.5", "0.3333 0.5"), // the width of a gap is not compared
            ("a\nb\n", "a\nb"),             // nor is an end of line at the end
            ("1.0e-05", "0.00001"),         // two ways of writing one number
            ("-0.0000", "0.0000"),          // the sign of zero
            ("-inf 1.0", "-inf 1.0"),
            ("inf", "Infinity"),
            ("10 tokens", "10 tokens"),
            ("", ""),
        ] {
            assert!(agrees(expected, ours), "`{expected}` and `{ours}` must count as equal");
        }
    }

    #[test]
    fn what_counts_as_different() {
        for (expected, ours) in [
            ("loss 3.1412", "loss 3.1416"), // 4e-4 apart, 3.1e-4 allowed
            ("loss 3.1412", "Loss 3.1412"),
            ("10 tokens", "11 tokens"),
            ("10000000", "10000001"), // integers have no tolerance
            ("1.0", "1"),             // an integer is not a decimal
            ("0.0", "nan"),
            ("nan", "nan"), // NaN equals nothing, itself included
            ("NaN", "NaN"),
            ("-inf", "inf"),
            ("inf", "1.0"),
            ("1e308", "inf"),
            ("0.000001", "0.0"), // a small probability cannot pass as zero
            ("a b", "a"),
            ("a\nb", "a b"), // lines are structure
            ("a", "a\nb"),
            ("a\n\nb", "a\nb"),
            ("0.3333,", "0.3334,"), // glued to a comma it is a word
        ] {
            assert!(!agrees(expected, ours), "`{expected}` and `{ours}` must count as different");
        }
    }

    #[test]
    fn a_difference_names_line_and_gap() {
        let comparison = compare("ok\nloss 3.1412", "ok\nloss 4.0", Tolerance::default());
        let [difference] = &comparison.differences[..] else {
            panic!("one difference: {comparison:?}")
        };
        assert_eq!(difference.line, 2);
        assert!(difference.why.contains("8.588e-1"), "{}", difference.why);
        let text = difference.to_string();
        assert!(text.contains("loss 3.1412") && text.contains("loss 4.0"), "{text}");
    }

    #[test]
    fn every_number_is_reported_with_its_place() {
        let (expected, ours) =
            ("mean loss: 3.5 4\nrow sums:\n1.0 nan", "mean loss: 3.5 5\nrow sums:\n1.0 nan");
        let comparison = compare(expected, ours, Tolerance::default());
        let rows: Vec<_> = comparison
            .numbers
            .iter()
            .map(|pair| (pair.line, pair.label.as_str(), pair.place, pair.holds))
            .collect();
        assert_eq!(
            rows,
            [
                (1, "mean loss", 1, true),
                (1, "mean loss", 2, false),
                (3, "row sums", 1, true),
                (3, "row sums", 2, false)
            ]
        );
    }
}
