//! Writing token by token, with what else could have been written (chapters 3.7 and 4.5).

use super::{
    form::Form,
    limits::{NEW_TOKENS, PROMPT_TOKENS, STOP_TEXTS, WRITING_SECONDS},
    model_thread::{Desk, Loaded},
};
use crate::respond::possible_stop;
use anyhow::{Context, Result, ensure};
use embedding::bpe::{BytePairEncoder, StreamDecoder};
use model::generate::Generator;
use std::{
    cell::RefCell,
    ops::ControlFlow,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tch::{Kind, Tensor};
use train::sampling::{Sampling, known_logits, known_tokens};

/// So many of the likeliest tokens can be told.
pub const MOST_LIKELY: usize = 20;

/// What is to be written.
#[derive(Debug, Clone)]
pub struct Order {
    /// What is there already.
    pub prompt: Vec<i64>,
    /// The most tokens.
    pub max_tokens: usize,
    /// How they are chosen.
    pub sampling: Sampling,
    /// From which every random number follows; none for another text each time.
    pub seed: Option<i64>,
    /// Texts before which it ends.
    pub stop: Vec<String>,
    /// So many of the likeliest tokens are told.
    pub likeliest: usize,
    /// What the text must be.
    pub form: Option<Form>,
}

/// A token with its probability.
#[derive(Debug, Clone, Copy)]
pub struct Likely {
    /// The token.
    pub id: i64,
    /// The logarithm of its probability at temperature 1.
    pub logprob: f64,
}

/// What was written in one step.
#[derive(Debug, Clone)]
pub struct Written {
    /// The token; none where the text ends within a character, whose bytes are told then.
    pub token: Option<Likely>,
    /// The text that is certain by now: whole characters, and no beginning of a stop text.
    pub text: String,
    /// The likeliest tokens at its place, the most probable first.
    pub likeliest: Vec<Likely>,
}

/// Why a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By the token that ends texts, a stop text, or its form.
    Stop,
    /// By a limit of tokens or of time.
    Length,
}

impl Order {
    /// This order, if the model can carry it out.
    ///
    /// # Errors
    /// Names the first thing that is too much or makes no sense.
    pub fn checked(self, loaded: &Loaded) -> Result<Self> {
        let model = &loaded.brought.model;
        let (tokens, v) = (self.prompt.len(), model.config.vocab_size);
        ensure!(
            tokens <= PROMPT_TOKENS,
            "the prompt has {tokens} tokens; {PROMPT_TOKENS} are the most"
        );
        let (wanted, stops) = (self.max_tokens, self.stop.len());
        ensure!(
            (1..=NEW_TOKENS).contains(&wanted),
            "max_tokens is {wanted}; it must be from 1 to {NEW_TOKENS}"
        );
        ensure!(stops <= STOP_TEXTS, "there are {stops} stop texts; {STOP_TEXTS} are the most");
        ensure!(self.stop.iter().all(|stop| !stop.is_empty()), "a stop text is empty");
        let likeliest = self.likeliest;
        ensure!(
            likeliest <= MOST_LIKELY,
            "{likeliest} likeliest tokens are asked for; {MOST_LIKELY} are the most"
        );
        let outside = self.prompt.iter().find(|id| !(0..v).contains(id));
        ensure!(
            outside.is_none(),
            "id {} is outside the vocabulary of {v} entries",
            outside.unwrap_or(&0)
        );
        self.sampling.check(known_tokens(v, loaded.lesson()))?;
        Ok(self)
    }

    /// What the model reads first: the prompt, or the end of a text before, where there is none.
    pub fn begin<'a>(&'a self, encoder: &'a BytePairEncoder) -> &'a [i64] {
        if self.prompt.is_empty() { encoder.end_of_text.as_slice() } else { &self.prompt }
    }
}

/// Writes what a [checked](Order::checked) order asks for, until the text ends or `tell` breaks off.
///
/// # Errors
/// If the model cannot go on from the prompt.
pub fn write(
    desk: &mut Desk,
    order: &Order,
    mut tell: impl FnMut(Written) -> ControlFlow<()>,
) -> Result<Ending> {
    let (encoder, began) = (desk.loaded.lesson(), Instant::now());
    tch::manual_seed(order.seed.unwrap_or_else(fresh_seed));
    let (end, prompt) = (encoder.end_of_text, order.begin(encoder));
    let (seen, form) = (RefCell::new(None), RefCell::new(order.form.clone()));
    let choose = |logits: &Tensor| {
        let mut logits = known_logits(logits, encoder);
        if let Some(form) = &*form.borrow() {
            logits = logits.masked_fill(&form.hidden(encoder), f64::NEG_INFINITY);
        }
        let id = order.sampling.choose(&logits);
        *seen.borrow_mut() = Some(look(&logits, id, order.likeliest));
        id
    };
    let writer = Generator::new(desk.reader, prompt, choose)?;
    let mut text = Text::new(StreamDecoder::new(encoder), &order.stop);
    for id in writer.take(order.max_tokens) {
        if Some(id) == end {
            return Ok(text.finish(&mut tell, Ending::Stop));
        }
        let (token, likeliest) = seen.take().context("each token is chosen from its logits")?;
        let (certain, stopped) = text.push(id)?;
        let flow = tell(Written { token: Some(token), text: certain, likeliest });
        let piece = encoder.piece(id)?;
        let whole = form.borrow_mut().as_mut().is_some_and(|form| form.push(piece));
        if stopped || whole || flow.is_break() {
            return Ok(Ending::Stop);
        }
        if began.elapsed() > Duration::from_secs(WRITING_SECONDS) {
            break;
        }
    }
    Ok(text.finish(&mut tell, Ending::Length))
}

/// Another one each time.
fn fresh_seed() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as i64
}

/// The probability of a token, and the likeliest ones beside it.
pub fn look(logits: &Tensor, id: i64, likeliest: usize) -> (Likely, Vec<Likely>) {
    let logprobs = logits.log_softmax(-1, Kind::Double); // [V]
    let token = Likely { id, logprob: logprobs.double_value(&[id]) };
    let (highest, order) =
        logprobs.topk((likeliest as i64).min(logprobs.size()[0]), -1, true, true);
    let both = highest.iter::<f64>().ok().zip(order.iter::<i64>().ok());
    let likely = both.into_iter().flat_map(|(logprobs, ids)| logprobs.zip(ids));
    // What a form hides has no probability, and is no alternative.
    let likely = likely.filter(|(logprob, _)| logprob.is_finite());
    (token, likely.map(|(logprob, id)| Likely { id, logprob }).collect())
}

/// Text as it grows, with what may yet become a stop text held back.
struct Text<'a> {
    decoder: StreamDecoder<'a>,
    stops: &'a [String],
    whole: String,
    told: usize,
}

impl<'a> Text<'a> {
    fn new(decoder: StreamDecoder<'a>, stops: &'a [String]) -> Self {
        Self { decoder, stops, whole: String::new(), told: 0 }
    }

    /// What is certain now, and whether a stop text ends it.
    fn push(&mut self, id: i64) -> Result<(String, bool)> {
        self.whole += &self.decoder.push(id)?;
        let stop = self.stops.iter().filter_map(|stop| self.whole.find(stop)).min();
        let certain = stop.unwrap_or(self.whole.len() - possible_stop(&self.whole, self.stops));
        let certain = certain.max(self.told);
        let piece = self.whole[self.told..certain].to_owned();
        self.told = certain;
        Ok((piece, stop.is_some()))
    }

    /// Tells what was held back to the end.
    fn finish(self, tell: &mut impl FnMut(Written) -> ControlFlow<()>, ending: Ending) -> Ending {
        let text = self.whole[self.told..].to_owned() + &self.decoder.finish();
        if !text.is_empty() {
            let _ = tell(Written { token: None, text, likeliest: Vec::new() });
        }
        ending
    }
}
