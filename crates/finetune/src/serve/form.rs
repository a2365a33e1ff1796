//! Holding a text to a form by hiding every token that would leave it: a whole number, alone or as the one property of an object.

use anyhow::{Context, Result, bail, ensure};
use embedding::bpe::BytePairEncoder;
use serde_json::Value;
use tch::Tensor;

/// Whole numbers beyond these are not exact in JSON.
const LARGEST: i64 = 1 << 53;

/// A text before, a whole number within bounds, a text behind; and how much of it is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    before: Vec<u8>,
    least: i64,
    most: i64,
    after: Vec<u8>,
    written: Vec<u8>,
}

impl Form {
    /// What a `response_format` of OpenAI's interface asks for; nothing where it asks for text.
    ///
    /// # Errors
    /// If it asks for something other than a whole number.
    pub fn of(format: &Value) -> Result<Option<Self>> {
        if format.is_null() {
            return Ok(None);
        }
        let kind = format["type"].as_str().context("response_format names no type")?;
        let schema = match kind {
            "text" => return Ok(None),
            "json_schema" => &format["json_schema"]["schema"],
            "json_object" if format["schema"].is_object() => &format["schema"],
            _ => bail!("response_format {kind:?} is not known here; text and json_schema are"),
        };
        Self::of_schema(schema).map(Some)
    }

    fn of_schema(schema: &Value) -> Result<Self> {
        match schema["type"].as_str() {
            Some("integer") => Self::number(schema, "", ""),
            Some("object") => {
                let properties = schema["properties"].as_object().into_iter().flatten();
                let properties: Vec<_> = properties.collect();
                let [(name, number)] = properties[..] else {
                    bail!(
                        "a schema of {} properties is not known here; one whole number is",
                        properties.len()
                    );
                };
                ensure!(
                    number["type"] == "integer",
                    "{name} is not an integer; the schema of a whole number is known here"
                );
                Self::number(number, &format!("{{{}:", Value::from(name.as_str())), "}")
            }
            _ => bail!("the schema is neither that of an integer nor of an object with one"),
        }
    }

    fn number(schema: &Value, before: &str, after: &str) -> Result<Self> {
        let bound = |key, without| match &schema[key] {
            Value::Null => Ok(without),
            bound => bound.as_i64().filter(|bound| bound.abs() <= LARGEST).with_context(|| {
                format!("{key} is {bound}, not a whole number that is exact in JSON")
            }),
        };
        let (least, most) = (bound("minimum", -LARGEST)?, bound("maximum", LARGEST)?);
        ensure!(least <= most, "no whole number is at least {least} and at most {most}");
        let (before, after) = (before.as_bytes().to_vec(), after.as_bytes().to_vec());
        Ok(Self { before, least, most, after, written: Vec::new() })
    }

    /// Which tokens would leave the form: `true` for those, and for the end of the text.
    ///
    /// # Shapes
    /// - returns `[V]`, booleans
    pub fn hidden(&self, encoder: &BytePairEncoder) -> Tensor {
        let leaves = |id: i64| {
            let piece = encoder.piece(id).ok().filter(|piece| encoder.id(piece) == Some(id));
            !piece.is_some_and(|piece| self.allows(piece))
        };
        let hidden: Vec<bool> = (0..encoder.vocab_size() as i64).map(leaves).collect();
        Tensor::from_slice(&hidden)
    }

    /// Adds what was written; `true` if the form is whole now.
    pub fn push(&mut self, piece: &[u8]) -> bool {
        self.written.extend(piece);
        let number = self.written.strip_prefix(&self.before[..]);
        let number = number.and_then(|rest| rest.strip_suffix(&self.after[..]));
        let written = number.and_then(|number| str::from_utf8(number).ok()?.parse::<i64>().ok());
        // Without a text behind it, a number is whole once no digit can follow.
        let grows = || (b'0'..=b'9').any(|digit| self.allows(&[digit]));
        written.is_some() && (!self.after.is_empty() || !grows())
    }

    /// Whether what is written, with this piece behind it, may still become whole.
    fn allows(&self, piece: &[u8]) -> bool {
        let text: Vec<u8> = self.written.iter().chain(piece).copied().collect();
        let Some(rest) = text.strip_prefix(&self.before[..]) else {
            return self.before.starts_with(&text);
        };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
        let (number, behind) = rest.split_at(digits);
        if behind.is_empty() {
            return number.is_empty() || self.begins_number(number);
        }
        let whole = str::from_utf8(number).ok().and_then(|number| number.parse::<i64>().ok());
        self.after.starts_with(behind)
            && whole.is_some_and(|whole| (self.least..=self.most).contains(&whole))
            && self.begins_number(number)
    }

    /// Whether a number within the bounds begins so, in the one way in which JSON writes it.
    fn begins_number(&self, text: &[u8]) -> bool {
        let negative = text.first() == Some(&b'-');
        let digits = &text[usize::from(negative)..];
        if digits.is_empty() {
            return self.least < 0;
        }
        let Some(begun) = str::from_utf8(digits).ok().and_then(|digits| digits.parse::<i64>().ok())
        else {
            return false;
        };
        if digits[0] == b'0' {
            return digits.len() == 1 && !negative && (self.least..=self.most).contains(&0);
        }
        let bounds = if negative { -self.most..=-self.least } else { self.least..=self.most };
        // With k digits more it lies between begun * 10^k and (begun + 1) * 10^k - 1.
        (0..=16_u32).map(|more| 10_i64.pow(more)).take_while(|&unit| begun <= LARGEST / unit).any(
            |unit| begun * unit <= *bounds.end() && begun * unit + (unit - 1) >= *bounds.start(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mark() -> Form {
        let score = json!({ "type": "integer", "minimum": 0, "maximum": 100 });
        let schema =
            json!({ "type": "object", "properties": { "score": score }, "required": ["score"] });
        Form::of(
            &json!({ "type": "json_schema", "json_schema": { "name": "score", "schema": schema } }),
        )
        .expect("known")
        .expect("a form")
    }

    /// Whether a text can be written piece by piece to its end, and is whole there and not before.
    fn is_whole(mut form: Form, pieces: &[&str]) -> bool {
        let last = pieces.len() - 1;
        pieces.iter().enumerate().all(|(place, piece)| {
            form.allows(piece.as_bytes()) && form.push(piece.as_bytes()) == (place == last)
        })
    }

    #[test]
    fn only_an_object_with_a_number_within_its_bounds_can_be_written() {
        for pieces in [
            &["{\"", "score", "\":", "7", "}"][..],
            &["{\"score\":100}"],
            &["{\"score\":", "1", "0", "0", "}"],
            &["{\"score\":0}"],
        ] {
            assert!(is_whole(mark(), pieces), "{pieces:?}");
        }
        for text in [
            "{\"score\":101",
            "{\"score\":-",
            "{\"score\":07",
            "{\"score\":}",
            "{\"score\": 7",
            "{\"mark",
            "7",
            "{\"score\":7}}",
            "{\"score\":7\n",
        ] {
            assert!(!mark().allows(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_bare_number_ends_where_no_digit_can_follow() {
        let form = |least: i64, most: i64| {
            Form::of_schema(&json!({ "type": "integer", "minimum": least, "maximum": most }))
                .expect("known")
        };
        assert!(is_whole(form(1, 9), &["5"]) && is_whole(form(-20, -11), &["-", "1", "5"]));
        assert!(is_whole(form(10, 15), &["1", "2"]) && !form(10, 15).allows(b"2"));
        assert!(
            !form(-20, -11).allows(b"-3") && !form(5, 9).allows(b"-") && !form(5, 9).allows(b"0")
        );
    }

    #[test]
    fn every_other_token_is_hidden() {
        let encoder = BytePairEncoder::train("{\"score\":{\"score\":1010", 12).with_end_of_text();
        let hidden = Vec::<bool>::try_from(mark().hidden(&encoder)).expect("a vector");
        for (id, hidden) in (0..).zip(hidden) {
            let allowed = "{\"score\":".starts_with(&*encoder.decode(&[id]).expect("an id"));
            assert_eq!(hidden, !allowed, "{id}");
        }
    }

    #[test]
    fn a_form_that_is_not_known_is_refused_with_what_is() {
        for (format, part) in [
            (json!({ "type": "json_object" }), "json_schema are"),
            (json!({ "type": "grammar" }), "\"grammar\" is not known"),
            (json!({}), "names no type"),
            (json!("json_schema"), "names no type"),
            (
                json!({ "type": "json_schema", "json_schema": { "schema": { "type": "string" } } }),
                "neither that of an integer",
            ),
            (
                json!({ "type": "json_schema", "json_schema": { "schema": { "type": "integer", "minimum": 3, "maximum": 2 } } }),
                "at least 3 and at most 2",
            ),
            (
                json!({ "type": "json_schema", "json_schema": { "schema": { "type": "integer", "minimum": 0.5 } } }),
                "minimum is 0.5",
            ),
        ] {
            let said = Form::of(&format).expect_err("a refusal").to_string();
            assert!(said.contains(part), "{said}");
        }
        for nothing in [json!({ "type": "text" }), Value::Null] {
            assert_eq!(Form::of(&nothing).expect("known"), None);
        }
    }
}
