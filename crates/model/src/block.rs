//! Attention and feed-forward as one block (chapter 3.4).

use crate::{cache::LayerCache, config::Gpt2Config, feed_forward::FeedForward, norm::LayerNorm};
use attention::multi_head::MultiHeadAttention;
use tch::{Tensor, nn};

/// One of the `L` equal blocks of a GPT-2: attention reads the other
/// positions, the feed-forward network works on each alone, and both add to the residual stream.
#[derive(Debug)]
pub struct Block {
    pub(crate) attention: MultiHeadAttention,
    pub(crate) feed_forward: FeedForward,
    pub(crate) norm1: LayerNorm,
    pub(crate) norm2: LayerNorm,
    dropout: f64,
}

impl Block {
    /// Creates the block under `path`: attention, feed-forward, then the two norms.
    ///
    /// # Panics
    /// If the channels do not split evenly into the heads.
    pub fn new(path: &nn::Path, config: &Gpt2Config) -> Self {
        let &Gpt2Config { channels: c, heads, qkv_bias, dropout, norm_epsilon, .. } = config;
        Self {
            attention: MultiHeadAttention::new(&(path / "attention"), c, heads, qkv_bias, dropout),
            feed_forward: FeedForward::new(&(path / "feed_forward"), c, config.hidden, config.gelu),
            norm1: LayerNorm::new(&(path / "norm1"), c, norm_epsilon),
            norm2: LayerNorm::new(&(path / "norm2"), c, norm_epsilon),
            dropout,
        }
    }

    /// Adds to the residual stream what attention and feed-forward make of it.
    ///
    /// With a cache, `x` holds positions that follow those stored there, and their keys and values are stored too.
    ///
    /// # Shapes
    /// - `x`: `[B, T, C]`
    /// - returns `[B, T, C]`
    ///
    /// # Source
    /// Radford et al. 2019, section 2.3: the norm moves to the input of each sub-block.
    pub fn forward(&self, x: &Tensor, cache: Option<&mut LayerCache>, train: bool) -> Tensor {
        let (q, mut k, mut v) = self.attention.project(&self.norm1.forward(x)); // [B, H, T, D]
        if let Some(cache) = cache {
            (k, v) = cache.append(&k, &v); // [B, H, filled, D]
        }
        let read = self.attention.mix(&q, &k, &v, train);
        let x = x + read.dropout(self.dropout, train);
        let processed = self.feed_forward.forward(&self.norm2.forward(&x));
        &x + processed.dropout(self.dropout, train)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedding::support::show::assert_agree;
    use tch::{Device, Kind, nn::VarStore};

    #[test]
    fn a_block_whose_halves_say_nothing_passes_its_input_on() {
        let store = VarStore::new(Device::Cpu);
        let block = Block::new(
            &store.root(),
            &Gpt2Config { channels: 6, heads: 2, hidden: 8, ..Gpt2Config::TINY },
        );
        for (name, mut parameter) in store.variables() {
            let value = match &name[..] {
                "attention.output.bias" => 0.25,
                "feed_forward.down.bias" => 0.5,
                name if name.contains("output") || name.contains("down") => 0.0,
                _ => continue,
            };
            let _ = tch::no_grad(|| parameter.fill_(value));
        }
        let x = Tensor::arange(24, (Kind::Float, Device::Cpu)).view([2, 2, 6]); // [B, T, C]
        assert_eq!(
            block.forward(&x, None, false),
            &x + 0.75,
            "each half adds its bias once, and nothing else"
        );
    }

    #[test]
    fn the_halves_read_a_normalized_stream() {
        tch::set_num_threads(1);
        let store = VarStore::new(Device::Cpu);
        let block = Block::new(
            &store.root(),
            &Gpt2Config { channels: 6, heads: 2, hidden: 8, ..Gpt2Config::TINY },
        );
        let x = Tensor::arange(24, (Kind::Double, Device::Cpu))
            .cos()
            .view([2, 2, 6])
            .to_kind(Kind::Float); // [B, T, C]
        // A norm forgets an offset of all channels. So the halves add the same, and the offset passes by them.
        let gap = (block.forward(&(&x + 8.0), None, false) - block.forward(&x, None, false) - 8.0)
            .abs()
            .max()
            .double_value(&[]);
        assert!(gap < 1e-4, "largest difference {gap:e}");
    }

    /// A block of six channels, and its parameters by name.
    fn drawn(dropout: f64) -> (Block, Vec<(String, Tensor)>) {
        let store = VarStore::new(Device::Cpu);
        let sizes = Gpt2Config { channels: 6, heads: 2, hidden: 8, dropout, ..Gpt2Config::TINY };
        let block = Block::new(&store.root(), &sizes);
        (block, store.variables().into_iter().collect())
    }

    /// Fills the parameters whose names begin so.
    fn fill(parameters: &mut [(String, Tensor)], name: &str, value: f64) {
        for (_, parameter) in parameters.iter_mut().filter(|(known, _)| known.starts_with(name)) {
            let _ = tch::no_grad(|| parameter.fill_(value));
        }
    }

    #[test]
    fn each_half_has_a_norm_of_its_own() {
        let x = Tensor::arange(36, (Kind::Float, Device::Cpu)).sin().view([2, 3, 6]); // [B, T, C]
        for (norm, other_half) in [("norm1", "feed_forward.down"), ("norm2", "attention.output")] {
            let (block, mut parameters) = drawn(0.0);
            fill(&mut parameters, norm, 0.0);
            fill(&mut parameters, other_half, 0.0);
            // Whoever reads nothing but zeros says the same at every position.
            let added = block.forward(&x, None, false) - &x;
            assert_agree(&added, &added.narrow(1, 0, 1).expand_as(&added), 1e-6, norm);
        }
    }

    #[test]
    fn both_halves_drop_what_they_say_in_training_alone() {
        let x = Tensor::zeros([2, 3, 6], (Kind::Float, Device::Cpu)); // [B, T, C]
        for (half, other) in
            [("attention.output", "feed_forward.down"), ("feed_forward.down", "attention.output")]
        {
            let (block, mut parameters) = drawn(0.5);
            fill(&mut parameters, other, 0.0);
            fill(&mut parameters, half, 0.0);
            fill(&mut parameters, &format!("{half}.bias"), 1.0);
            assert_agree(&block.forward(&x, None, false), &x.ones_like(), 0.0, half);
            // Half of the ones are dropped, the others doubled.
            let dropped = block.forward(&x, None, true);
            assert_agree(&(&dropped * (&dropped - 2.0)), &x, 0.0, half);
            let sum = dropped.sum(Kind::Float).double_value(&[]);
            assert!(sum > 0.0 && sum < 72.0, "{half}: {sum} of 36 ones, doubled");
        }
    }
}
