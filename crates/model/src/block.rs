//! Attention and feed-forward as one block (chapter 3.4).

use crate::{cache::LayerCache, config::Gpt2Config, feed_forward::FeedForward, norm::LayerNorm};
use attention::multi_head::MultiHeadAttention;
use tch::{Tensor, nn};

/// One of the `L` equal blocks of a GPT-2: attention reads the other
/// positions, the feed-forward network works on each alone, and both add to the residual stream.
#[derive(Debug)]
pub struct Block {
    attention: MultiHeadAttention,
    feed_forward: FeedForward,
    norm1: LayerNorm,
    norm2: LayerNorm,
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
}
