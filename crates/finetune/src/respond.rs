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
pub(crate) fn possible_stop(text: &str, stops: &[String]) -> usize {
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
    use model::{config::Gpt2Config, gpt2::Gpt2};

    #[test]
    fn the_beginning_of_a_stop_text_is_held_back() {
        let stops = ["###".to_owned(), "é!".to_owned()];
        assert_eq!(possible_stop("a ##", &stops), 2);
        assert_eq!(possible_stop("a é", &stops), 2);
        assert_eq!(possible_stop("a # b", &stops), 0);
    }

    /// Says these ids one after another, whatever it reads.
    struct Script {
        model: Gpt2,
        says: Vec<i64>,
        said: usize,
    }

    impl TokenScorer for Script {
        fn model(&self) -> &Gpt2 {
            &self.model
        }

        fn read(&mut self, _: &[i64]) -> Tensor {
            let logits = Tensor::zeros([self.model.config.vocab_size], tch::kind::FLOAT_CPU);
            let _ = logits.get(self.says[self.said]).fill_(9.0);
            self.said += 1;
            logits
        }

        fn clear(&mut self) {
            self.said = 0;
        }
    }

    /// An encoder whose ids are bytes, but for the last, which ends a text.
    fn bytes() -> BytePairEncoder {
        BytePairEncoder::train("", 0).with_end_of_text()
    }

    fn script(says: &str) -> Script {
        let small = Gpt2Config { channels: 4, heads: 1, hidden: 4, layers: 1, ..Gpt2Config::TINY };
        let config = Gpt2Config { vocab_size: 257, context: 512, ..small };
        let model = Gpt2::new(config, tch::Device::Cpu).expect("possible sizes");
        let mut ids = bytes().encode(says);
        ids.push(256);
        ids.extend(bytes().encode("never said"));
        Script { model, says: ids, said: 0 }
    }

    /// The continuation, and what was told of it piece by piece.
    fn continued(says: &str, stop: &[&str], max_new_tokens: usize) -> (String, Vec<String>) {
        let stop = stop.iter().map(ToString::to_string).collect();
        let (limits, mut told) = (Limits { max_new_tokens, stop }, Vec::new());
        let prompt = bytes().encode("prompt");
        let text =
            complete(&mut script(says), &bytes(), &prompt, &Sampling::GREEDY, &limits, |piece| {
                told.push(piece.to_owned());
                ControlFlow::Continue(())
            });
        (text.expect("a possible prompt"), told)
    }

    #[test]
    fn a_continuation_ends_before_the_end_token_and_does_not_repeat_the_prompt() {
        let (text, told) = continued("aé!", &[], 99);
        assert_eq!((text.as_str(), told.concat().as_str()), ("aé!", "aé!"));
        assert!(told.iter().all(|piece| !piece.contains('\u{FFFD}')), "whole characters: {told:?}");
        assert_eq!(continued("abc", &[], 2).0, "ab", "no more tokens than are allowed");
    }

    #[test]
    fn a_stop_text_is_neither_returned_nor_told_in_part() {
        let (text, told) = continued("a # b ### c", &["###"], 99);
        assert_eq!((text.as_str(), told.concat().as_str()), ("a # b ", "a # b "));
        let (text, told) = continued("a ##", &["###"], 99);
        assert_eq!((text.as_str(), told.concat().as_str()), ("a ##", "a ##"), "it never came");
        assert_eq!(continued("one, two. three", &[".", ","], 99).0, "one", "the first that comes");
    }

    #[test]
    fn whoever_is_told_can_break_off() {
        let limits = Limits { max_new_tokens: 99, stop: Vec::new() };
        let prompt = bytes().encode("prompt");
        let mut reader = script("abc");
        let text = complete(&mut reader, &bytes(), &prompt, &Sampling::GREEDY, &limits, |_| {
            ControlFlow::Break(())
        });
        assert_eq!(text.expect("a possible prompt"), "a");
    }

    #[test]
    fn an_answer_has_no_whitespace_around_it() {
        let entry = Entry { instruction: "Add 40 and 2.".into(), ..Entry::default() };
        let answered = answer(&mut script(" 42 \n"), &bytes(), &entry, 99).expect("it fits");
        assert_eq!(answered, "42");
    }
}
