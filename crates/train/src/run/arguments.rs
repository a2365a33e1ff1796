//! Numbers on a command line (chapter 4.4): what cannot be meant is refused with one clause that says what can.

use crate::settings::Precision;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// In which numbers matrices are multiplied; anything else is refused with the choices.
pub fn precision() -> impl TypedValueParser<Value = Precision> {
    let of_name = |name: String| if name == "bf16" { Precision::Bf16 } else { Precision::F32 };
    PossibleValuesParser::new(["f32", "bf16"]).map(of_name)
}

/// A whole number of at least 1.
///
/// # Errors
/// If it is anything else, or larger than any size can be.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number >= 1 => Ok(number),
        _ => Err("it must be a whole number of at least 1".to_owned()),
    }
}

/// A whole number, 0 too.
///
/// # Errors
/// If it is anything else.
pub fn whole(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "it must be 0 or a whole number above it".to_owned())
}

/// Any number; a comma within it is no point.
///
/// # Errors
/// If it is none.
pub fn any_number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "it must be a number, such as 0.7".to_owned())
}

/// A number of threads. Far more than any machine has cores are refused, as systems fail to start them in ugly ways.
///
/// # Errors
/// If it is anything but a whole number from 1 to 1024.
pub fn threads(text: &str) -> Result<i32, String> {
    match text.parse() {
        Ok(number @ 1..=1024) => Ok(number),
        _ => Err("it must be a whole number from 1 to 1024".to_owned()),
    }
}

/// A number above 0.
///
/// # Errors
/// If it is anything else, infinite or not a number.
pub fn positive(text: &str) -> Result<f64, String> {
    number(text, |number| number > 0.0).ok_or_else(|| "it must be a number above 0".to_owned())
}

/// 0, or a number above it.
///
/// # Errors
/// If it is anything else, infinite or not a number.
pub fn not_negative(text: &str) -> Result<f64, String> {
    number(text, |number| number >= 0.0)
        .ok_or_else(|| "it must be 0 or a number above it".to_owned())
}

/// A part of the whole, from 0 on and less than 1.
///
/// # Errors
/// If it is anything else, or not a number.
pub fn share(text: &str) -> Result<f64, String> {
    number(text, |number| (0.0..1.0).contains(&number))
        .ok_or_else(|| "it must be at least 0 and less than 1".to_owned())
}

/// A text to stop before.
///
/// # Errors
/// If it is empty: it would be found at once in every text.
pub fn stop_text(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("a stop text must not be empty".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

fn number(text: &str, possible: impl Fn(f64) -> bool) -> Option<f64> {
    text.parse().ok().filter(|&number: &f64| number.is_finite() && possible(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_their_range_are_refused() {
        assert_eq!(at_least_one("3"), Ok(3));
        for text in ["0", "-1", "1.5", "x", ""] {
            assert!(at_least_one(text).is_err() && threads(text).is_err(), "{text:?}");
        }
        assert_eq!(threads("1024"), Ok(1024));
        assert_eq!((whole("0"), whole("7")), (Ok(0), Ok(7)));
        assert!(["-1", "1.5", "x", ""].into_iter().all(|text| whole(text).is_err()));
        assert_eq!(any_number("-0.5"), Ok(-0.5));
        assert!(any_number("0,7").is_err());
        assert!(threads("1025").is_err());
        for (text, above, from_zero, part) in [
            ("0.5", true, true, true),
            ("0", false, true, true),
            ("1", true, true, false),
            ("-1", false, false, false),
        ] {
            assert_eq!(
                (positive(text).is_ok(), not_negative(text).is_ok(), share(text).is_ok()),
                (above, from_zero, part)
            );
        }
        for text in ["inf", "NaN"] {
            assert!(
                positive(text).is_err() && not_negative(text).is_err() && share(text).is_err(),
                "{text}"
            );
        }
    }
}
