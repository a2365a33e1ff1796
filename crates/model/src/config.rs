//! The sizes of a GPT-2 (chapter 3.1).

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Which form of the Gaussian error linear unit the feed-forward network uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gelu {
    /// `x Φ(x)` itself, by the error function; the choice of the demos in chapters 3 and 4.
    Exact,
    /// Its approximation by `tanh`, with which OpenAI trained GPT-2.
    Tanh,
}

/// Everything that decides the shape of a GPT-2 and how it computes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gpt2Config {
    /// `V`, entries of the vocabulary.
    pub vocab_size: i64,
    /// The most tokens the model can see at once; `T` never exceeds it.
    pub context: i64,
    /// `C`, width of the residual stream.
    pub channels: i64,
    /// Heads per block, `H`; each is `C / H` channels wide.
    pub heads: i64,
    /// `L`, blocks.
    pub layers: i64,
    /// `F`, hidden width of the feed-forward network, `4C` in all of OpenAI's sizes.
    pub hidden: i64,
    /// Probability with which an activation is dropped in training, the same at all three places.
    pub dropout: f64,
    /// Whether query, key and value projections have a bias; OpenAI's have.
    pub qkv_bias: bool,
    /// Whether the output head reuses the token embedding; OpenAI's does.
    pub tied: bool,
    /// The activation of the feed-forward network.
    pub gelu: Gelu,
    /// Added to the variance before its root is taken.
    pub norm_epsilon: f64,
}

/// Ten times GPT-2's largest size; 64 GiB.
const MOST_PARAMETERS: i64 = 1 << 34;

impl Gpt2Config {
    /// GPT-2 124M as OpenAI trained it.
    ///
    /// # Source
    /// Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", table 2 and section 2.3; the file `hparams.json`
    /// beside OpenAI's weights. The paper counts 117M, which is a slip that OpenAI's repository corrects.
    /// OpenAI's `model.py` has no dropout; 0.1 is what the first GPT was trained with (Radford et al. 2018, section 4.1), and the
    /// default of transformers.
    pub const SMALL: Self = Self {
        vocab_size: 50257,
        context: 1024,
        channels: 768,
        heads: 12,
        layers: 12,
        hidden: 4 * 768,
        dropout: 0.1,
        qkv_bias: true,
        tied: true,
        gelu: Gelu::Tanh,
        norm_epsilon: 1e-5,
    };
    /// GPT-2 355M.
    pub const MEDIUM: Self = Self::sized(1024, 16, 24);
    /// GPT-2 774M.
    pub const LARGE: Self = Self::sized(1280, 20, 36);
    /// GPT-2 1558M.
    pub const XL: Self = Self::sized(1600, 25, 48);

    /// The 124M model as the demos build it in chapters 3 and 4: no query/key/value bias, an output head of its own, the exact
    /// GELU.
    pub const ARTICLE: Self =
        Self { qkv_bias: false, tied: false, gelu: Gelu::Exact, ..Self::SMALL };

    /// A model that trains in a minute on two cores, with GPT-2's vocabulary.
    pub const TINY: Self = Self { context: 128, ..Self::sized(128, 4, 4) };

    /// [`SMALL`](Self::SMALL) with other sizes.
    const fn sized(channels: i64, heads: i64, layers: i64) -> Self {
        Self { channels, heads, layers, hidden: 4 * channels, ..Self::SMALL }
    }

    /// Parameters, with a tied head counted once.
    pub fn parameters(&self) -> i64 {
        let (c, f) = (self.channels, self.hidden);
        let qkv = 3 * (c * c + if self.qkv_bias { c } else { 0 });
        let block = qkv + (c * c + c) + (c * f + f) + (f * c + c) + 4 * c;
        let head = if self.tied { 0 } else { self.vocab_size * c };
        (self.vocab_size + self.context) * c + self.layers * block + 2 * c + head
    }

    /// Checks that a model of these sizes can exist, before anything is allocated for it.
    ///
    /// # Errors
    /// Names the first value that cannot be.
    pub fn check(&self) -> Result<()> {
        let sizes = [
            ("vocab_size", self.vocab_size, 1 << 24),
            ("context", self.context, 1 << 20),
            ("channels", self.channels, 1 << 16),
            ("heads", self.heads, 1 << 10),
            ("layers", self.layers, 1 << 10),
            ("hidden", self.hidden, 1 << 18),
        ];
        for (name, size, most) in sizes {
            ensure!((1..=most).contains(&size), "{name} is {size}; it must be from 1 to {most}");
        }
        let (n, most) = (self.parameters(), MOST_PARAMETERS);
        ensure!(n <= most, "these sizes make {n} parameters; the most is {most}");
        let (c, h, p, e) = (self.channels, self.heads, self.dropout, self.norm_epsilon);
        ensure!(c % h == 0, "{c} channels do not split into {h} equal heads");
        ensure!((0.0..1.0).contains(&p), "dropout is {p}; it must be at least 0 and less than 1");
        ensure!(e > 0.0 && e < 1.0, "norm_epsilon is {e}; it must lie between 0 and 1");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_124m_model_has_the_published_number_of_parameters() {
        assert_eq!(Gpt2Config::SMALL.parameters(), 124_439_808);
        let untied = Gpt2Config { tied: false, qkv_bias: false, ..Gpt2Config::SMALL };
        assert_eq!(untied.parameters(), 163_009_536);
        assert_eq!(Gpt2Config { tied: true, ..untied }.parameters(), 124_412_160);
    }

    #[test]
    fn an_impossible_size_is_refused_by_name() {
        let broken = [
            (
                Gpt2Config { heads: 5, ..Gpt2Config::SMALL },
                "768 channels do not split into 5 equal heads",
            ),
            (Gpt2Config { layers: 0, ..Gpt2Config::SMALL }, "layers is 0"),
            (
                Gpt2Config { vocab_size: 1 << 40, ..Gpt2Config::SMALL },
                "vocab_size is 1099511627776",
            ),
            (
                Gpt2Config {
                    vocab_size: 1 << 24,
                    channels: 1 << 16,
                    heads: 1,
                    ..Gpt2Config::SMALL
                },
                "these sizes make",
            ),
            (Gpt2Config { dropout: f64::NAN, ..Gpt2Config::SMALL }, "dropout is NaN"),
        ];
        for (config, expected) in broken {
            let message = config.check().expect_err("an impossible size").to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
