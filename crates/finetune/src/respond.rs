//! How the model answers (chapter 5.4).

use crate::instructions::Entry;
use anyhow::Result;
use embedding::bpe::{BytePairEncoder, StreamDecoder};
use model::generate::{Generator, TokenScorer};
use std::ops::ControlFlow;
use tch::Tensor;
use train::sampling::{Sampling, known_logits};

/// When an answer ends, besides at the end-of-text token.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most tokens it may have.
    pub max_new_tokens: usize,
    /// Texts before which it stops.
    pub stop: Vec<String>,
}

/// Continues the text of some ids until the end-of-text token, a stop text, a limit, or until `tell` breaks off; returns the continuation.
///
/// `tell` gets each piece of text as soon as it is certain: whole characters only, and nothing that may yet turn out to be the
/// beginning of a stop text.
///
/// Without a prompt the model begins a text, as it does behind the end of another.
///
/// # Errors
/// If the prompt cannot be read by the model.
pub fn complete(
    reader: &mut dyn TokenScorer,
    encoder: &BytePairEncoder,
    prompt: &[i64],
    sampling: &Sampling,
    limits: &Limits,
    mut tell: impl FnMut(&str) -> ControlFlow<()>,
) -> Result<String> {
    let end = encoder.end_of_text;
    let prompt = if prompt.is_empty() { end.as_slice() } else { prompt };
    let choose = |logits: &Tensor| sampling.choose(&known_logits(logits, encoder));
    let writer = Generator::new(reader, prompt, choose)?;
    let mut decoder = StreamDecoder::new(encoder);
    let (mut text, mut told) = (String::new(), 0);
    for id in writer.take(limits.max_new_tokens).take_while(|&id| Some(id) != end) {
        text += &decoder.push(id)?;
        if let Some(at) = limits.stop.iter().filter_map(|stop| text.find(stop)).min() {
            text.truncate(at);
            let _ = tell(&text[told.min(at)..]);
            return Ok(text);
        }
        let certain = text.len() - possible_stop(&text, &limits.stop);
        if certain > told {
            let flow = tell(&text[told..certain]);
            told = certain;
            if flow.is_break() {
                return Ok(text);
            }
        }
    }
    text += &decoder.finish();
    let _ = tell(&text[told..]);
    Ok(text)
}

/// Bytes at the end of `text` that may be the beginning of a stop text.
fn possible_stop(text: &str, stops: &[String]) -> usize {
    let held = |stop: &String| {
        (1..stop.len())
            .rev()
            .find(|&n| stop.is_char_boundary(n) && text.ends_with(&stop[..n]))
            .unwrap_or(0)
    };
    stops.iter().map(held).max().unwrap_or(0)
}

/// The model's answer to an entry, always the most probable token, without the whitespace around it.
///
/// # Errors
/// As [`complete`].
pub fn answer(
    reader: &mut dyn TokenScorer,
    encoder: &BytePairEncoder,
    entry: &Entry,
    max_new_tokens: usize,
) -> Result<String> {
    let limits = Limits { max_new_tokens, stop: Vec::new() };
    let prompt = encoder.encode(&entry.prompt());
    let go_on = |_: &str| ControlFlow::Continue(());
    let text = complete(reader, encoder, &prompt, &Sampling::GREEDY, &limits, go_on)?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_stop_text_is_held_back() {
        let stops = ["###".to_owned(), "é!".to_owned()];
        assert_eq!(possible_stop("a ##", &stops), 2);
        assert_eq!(possible_stop("a é", &stops), 2);
        assert_eq!(possible_stop("a # b", &stops), 0);
    }
}
