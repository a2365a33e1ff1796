//! What a judge's server sends (chapter 5.5): one JSON object a line from Ollama, a single one from the others.

use super::Dialect;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::io::BufRead;

/// Reads what the judge said out of its server's answer.
///
/// # Errors
/// If the answer reports an error, has no end, or is not of this form.
pub fn read_answer(dialect: Dialect, reader: impl BufRead) -> Result<String> {
    match dialect {
        Dialect::Ollama => read_stream(reader),
        Dialect::OpenAi => read_completion(reader),
    }
}

/// Ollama's answer: each line has a piece of the text; the last says `done`, and any may be an error.
fn read_stream(reader: impl BufRead) -> Result<String> {
    let mut text = String::new();
    for line in reader.lines() {
        let line = line.context("it broke off")?;
        if line.trim().is_empty() {
            continue;
        }
        let piece: Value =
            serde_json::from_str(&line).with_context(|| format!("it sent no JSON but {line:?}"))?;
        if let Some(error) = piece.get("error") {
            bail!("it reports {error}");
        }
        text += piece["message"]["content"].as_str().unwrap_or_default();
        if piece["done"] == true {
            return whole(text, piece["done_reason"] == "length");
        }
    }
    bail!("its answer has no end")
}

fn read_completion(mut reader: impl BufRead) -> Result<String> {
    let mut body = String::new();
    reader.read_to_string(&mut body).context("it broke off")?;
    let answer: Value =
        serde_json::from_str(&body).with_context(|| format!("it sent no JSON but {body:?}"))?;
    let choice = &answer["choices"][0];
    let text = choice["message"]["content"].as_str();
    let text = text.with_context(|| format!("it sent no answer but {body}"))?;
    whole(text.to_owned(), choice["finish_reason"] == "length")
}

/// Of a reply that reached its greatest length, what cannot have been cut: up to the end of an object or a line.
fn whole(mut text: String, cut_off: bool) -> Result<String> {
    if cut_off {
        let end = text.rfind(['}', '\n']).map_or(0, |end| end + 1);
        ensure!(end > 0, "its reply was cut off before its end: {text:?}");
        text.truncate(end);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_an_end_or_with_an_error_is_no_answer() {
        let read = |text: &str| read_stream(text.as_bytes());
        let whole =
            "{\"message\":{\"content\":\"4\"}}\n{\"message\":{\"content\":\"2\"},\"done\":true}\n";
        assert_eq!(read(whole).expect("a whole answer"), "42");
        assert!(read("{\"message\":{\"content\":\"4\"}}\n").is_err());
        let said = read("{\"error\":\"out of memory\"}\n").expect_err("an error").to_string();
        assert!(said.contains("out of memory"), "{said}");
    }

    #[test]
    fn of_a_reply_that_was_cut_off_only_what_is_whole_counts() {
        let completion = |content: &str| {
            let body = serde_json::json!({ "choices": [{ "finish_reason": "length", "message": { "content": content } }] });
            read_completion(body.to_string().as_bytes())
        };
        assert_eq!(completion("{\"score\": 80} and so").expect("an object"), "{\"score\": 80}");
        let said = completion("{\"score\": 8").expect_err("8, or 85?").to_string();
        assert!(said.starts_with("its reply was cut off"), "{said}");
    }
}
