//! How a logit becomes a word (chapter 4.5).

use anyhow::{Result, ensure};
use embedding::bpe::BytePairEncoder;
use model::generate::most_probable;
use tch::{Kind, Tensor};

/// A lower temperature above 0 than this would divide the logits into numbers that 32 bits cannot hold.
const LEAST_TEMPERATURE: f64 = 1e-6;

/// How the next token is chosen from its logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Logits are divided by this: below 1 the probable becomes more probable, 0 means always the most probable one.
    pub temperature: f64,
    /// Only so many of the most probable tokens may be chosen.
    pub top_k: Option<i64>,
    /// Only the most probable tokens that together reach this probability may be chosen.
    pub top_p: Option<f64>,
}

impl Sampling {
    /// Always the most probable token.
    pub const GREEDY: Self = Self { temperature: 0.0, top_k: None, top_p: None };

    /// Checks the settings against the size of the vocabulary.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn check(&self, vocab_size: i64) -> Result<()> {
        let Self { temperature, top_k, top_p } = *self;
        ensure!(
            temperature >= 0.0 && temperature.is_finite(),
            "temperature is {temperature}; it must be 0 (always the most probable) or a positive number"
        );
        ensure!(
            temperature == 0.0 || temperature >= LEAST_TEMPERATURE,
            "temperature is {temperature:e}; below {LEAST_TEMPERATURE} take 0, which always chooses the most probable"
        );
        if let Some(k) = top_k {
            ensure!(
                (1..=vocab_size).contains(&k),
                "top-k is {k}; it must lie between 1 and the {vocab_size} entries of the vocabulary"
            );
        }
        if let Some(p) = top_p {
            ensure!(p > 0.0 && p <= 1.0, "top-p is {p}; it must be above 0 and at most 1");
        }
        Ok(())
    }

    /// Chooses the next token, by libtorch's generator where chance has a part in it.
    ///
    /// # Shapes
    /// - `logits`: `[V]`
    pub fn choose(&self, logits: &Tensor) -> i64 {
        if self.temperature == 0.0 {
            return most_probable(logits);
        }
        self.probabilities(logits).multinomial(1, true).int64_value(&[0])
    }

    /// The probability with which each token would be chosen at a temperature above 0.
    ///
    /// # Shapes
    /// - `logits`: `[V]`
    /// - returns `[V]`
    ///
    /// # Source
    /// Fan et al. 2018 (<https://arxiv.org/abs/1805.04833>), section 5.1, for top-k; Holtzman et al. 2020
    /// (<https://arxiv.org/abs/1904.09751>), section 3.1, for top-p.
    pub fn probabilities(&self, logits: &Tensor) -> Tensor {
        let mut logits = logits.shallow_clone();
        if let Some(k) = self.top_k {
            logits = keep_top_k(&logits, k);
        }
        let probabilities = (logits / self.temperature).softmax(-1, Kind::Float);
        match self.top_p {
            Some(p) => keep_top_p(&probabilities, p),
            None => probabilities,
        }
    }
}

/// The logits of an encoder's tokens. The rows behind them, padding or tokens that somebody added, stand for no text of ours and
/// are never to be chosen.
///
/// # Shapes
/// - `logits`: `[V]`
/// - returns as many as the encoder has entries, 50,257 for GPT-2
pub fn known_logits(logits: &Tensor, encoder: &BytePairEncoder) -> Tensor {
    logits.narrow(-1, 0, known_tokens(logits.size()[0], encoder))
}

/// So many of a vocabulary's entries can be chosen.
pub fn known_tokens(vocab_size: i64, encoder: &BytePairEncoder) -> i64 {
    vocab_size.min(encoder.vocab_size() as i64)
}

/// Sets all logits below the `k` highest to minus infinity.
///
/// # Shapes
/// - `logits`: `[V]`
/// - returns `[V]`
pub fn keep_top_k(logits: &Tensor, k: i64) -> Tensor {
    let (highest, _) = logits.topk(k, -1, true, true); // [k]
    let hidden = logits.lt_tensor(&highest.select(-1, -1));
    logits.masked_fill(&hidden, f64::NEG_INFINITY)
}

/// Keeps the most probable tokens until they reach `p` together, and shares out the rest among them.
fn keep_top_p(probabilities: &Tensor, p: f64) -> Tensor {
    let (sorted, order) = probabilities.sort(-1, true); // [V], [V]
    // A token goes if those before it reach p without it, so that the most probable always stays.
    let before = sorted.cumsum(-1, Kind::Float) - &sorted;
    let p = p.max(f64::from(f32::MIN_POSITIVE)); // 0 in 32 bits would be reached before the first
    let kept = sorted.masked_fill(&before.ge(p), 0.0);
    let kept = &kept / kept.sum(Kind::Float);
    kept.zeros_like().scatter(-1, &order, &kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chances(sampling: Sampling) -> Vec<f64> {
        let logits = Tensor::from_slice(&[1.0_f32, 3.0, 2.0, 0.0]);
        Vec::try_from(sampling.probabilities(&logits).to_kind(Kind::Double)).expect("a vector")
    }

    #[test]
    fn top_k_leaves_k_tokens_in_their_proportions() {
        let chances = chances(Sampling { temperature: 1.0, top_k: Some(2), top_p: None });
        assert_eq!((chances[0], chances[3]), (0.0, 0.0));
        assert!((chances[1] / chances[2] - 1_f64.exp()).abs() < 1e-5);
    }

    #[test]
    fn top_p_leaves_the_fewest_tokens_that_reach_it() {
        // The four probabilities are 0.087, 0.644, 0.237, 0.032.
        let kept = |p| {
            chances(Sampling { temperature: 1.0, top_k: None, top_p: Some(p) })
                .iter()
                .filter(|&&c| c > 0.0)
                .count()
        };
        assert_eq!(
            [kept(1e-300), kept(0.01), kept(0.6), kept(0.7), kept(0.9), kept(1.0)],
            [1, 1, 1, 2, 3, 4]
        );
    }

    #[test]
    fn a_low_temperature_prefers_the_probable_more() {
        let (cold, hot) = (
            chances(Sampling { temperature: 0.5, top_k: None, top_p: None }),
            chances(Sampling { temperature: 2.0, top_k: None, top_p: None }),
        );
        assert!(cold[1] > hot[1] && cold[3] < hot[3]);
    }

    #[test]
    fn rows_behind_the_tokenizers_are_never_chosen() {
        let gpt2 = BytePairEncoder::gpt2();
        let logits = Tensor::zeros([50304], (Kind::Float, tch::Device::Cpu));
        let (_, _) = (logits.get(50300).fill_(9.0), logits.get(3797).fill_(8.0));
        let known = known_logits(&logits, gpt2);
        for temperature in [0.0, 0.1] {
            let sampling = Sampling { temperature, top_k: Some(50257), top_p: None };
            sampling.check(known_tokens(50304, gpt2)).expect("a possible k");
            assert_eq!(sampling.choose(&known), 3797);
        }
        assert_eq!(known_logits(&Tensor::from_slice(&[1.0, 2.0]), gpt2).size(), [2]);
    }

    #[test]
    fn senseless_settings_are_refused_by_name() {
        let refused = |temperature, top_k, top_p| {
            Sampling { temperature, top_k, top_p }.check(10).expect_err("senseless").to_string()
        };
        assert!(refused(f64::NAN, None, None).starts_with("temperature is NaN"));
        assert!(refused(-1.0, None, None).starts_with("temperature is -1"));
        assert!(
            refused(1e-40, None, None).starts_with("temperature is 1e-40; below 0.000001 take 0")
        );
        assert!(refused(1.0, Some(11), None).starts_with("top-k is 11"));
        assert!(refused(1.0, None, Some(0.0)).starts_with("top-p is 0"));
    }
}
