//! Reading a prompt, all positions at once (chapter 3.8).
//!
//! It is [`Gpt2::hidden`](crate::gpt2::Gpt2::hidden) with a cache once more, with less beside the products of matrices, which take
//! nearly all of the time: what goes into the residual stream is added there ([`layers`](crate::fast::ops::layers)), heads skip what the
//! mask hides ([`flash_attention`]), and GELU takes one power of e. On an AMD Zen 3 a prompt of 512 tokens takes 12 % less than by
//! operators alone. Products by tiles of our own, with weights read where they lie, took 3 to 5 % less there and as long as MKL's on an
//! Intel Xeon in registers of 8 (0.97, 15 pairs): too little for their 480 lines.
//!
//! Where products are in bfloat16, so is what goes from one to the next, heads by libtorch's kernel among them: on an Intel Xeon with
//! AMX that took a prompt of 512 tokens 0.77 of the time that it had taken with float32 in between (15 pairs).
//!
//! `cargo xtask bench prefill` measures it.

use super::key_values::KeyValues;
use crate::{
    config::Gpt2Config,
    fast::{
        cpu::tensor_slice::with_slices,
        ops::{
            flash_attention::{self, Layout},
            layers,
        },
        weights::{BlockWeights, LinearWeights, NormWeights, Weights},
    },
};
use attention::attend::attend_fused;
use tch::{Kind, Tensor};

/// Reads tokens behind those in the cache, puts them into it, and returns the logits of the successor of the last.
///
/// # Shapes
/// - `ids`: `[T]`, whole numbers that the model knows and that fit into its context
/// - returns `[V]`
pub fn read(weights: &Weights, ids: &Tensor, cache: &KeyValues) -> Tensor {
    let Weights { config, token, position, blocks, norm, .. } = weights;
    let known = cache.filled();
    let positions = position.narrow(0, known as i64, ids.numel() as i64);
    let mut x = token.index_select(0, ids) + positions; // [T, C]
    for (layer, block) in blocks.iter().enumerate() {
        let is_last = layer + 1 == blocks.len();
        x = Pass { block, config, layer, is_last, starts: known == 0 }.forward(&x, cache);
    }
    let head = LinearWeights { weight: weights.head().shallow_clone(), bias: None };
    head.forward(&normed(norm, config, &x)).squeeze_dim(0)
}

/// One block on the way of a prompt.
struct Pass<'a> {
    block: &'a BlockWeights,
    config: &'a Gpt2Config,
    layer: usize,
    /// Of the last block only the last position is asked for; the others leave their keys and values there.
    is_last: bool,
    /// Whether nothing was read before.
    starts: bool,
}

impl Pass<'_> {
    fn forward(self, x: &Tensor, cache: &KeyValues) -> Tensor {
        let Self { block, config, is_last, .. } = self;
        let input = normed(&block.norm1, config, x).to_kind(block.query.weight.kind());
        let last = |x: &Tensor| if is_last { x.narrow(0, -1, 1) } else { x.shallow_clone() };
        let (x, readers) = (last(x), last(&input));
        let [q, k, v] = [(&block.query, &readers), (&block.key, &input), (&block.value, &input)]
            .map(|(part, input)| part.forward_in_kind(input));
        let x = block.output.forward_onto(&x, &self.attend(&q, &k, &v, cache));
        let hidden = normed(&block.norm2, config, &x);
        let activated = block.up.forward_activated(&hidden, config.gelu); // [T, F]
        block.down.forward_onto(&x, &activated)
    }

    fn attend(&self, q: &Tensor, k: &Tensor, v: &Tensor, cache: &KeyValues) -> Tensor {
        let layer = self.layer;
        let [kept_k, kept_v] = [k, v].map(|x| x.to_kind(Kind::Float));
        with_slices([&kept_k, &kept_v], [], |[k, v], []| cache.append(layer, k, v));
        if self.is_last || !self.starts {
            return cache.attend(layer, &q.to_kind(Kind::Float));
        }
        let layout = layout(self.config, q);
        if q.kind() == Kind::BFloat16 {
            let [q_of, k_of, v_of] = [q, k, v].map(|x| layout.heads_of(x)); // [1, H, T, D]
            return attend_fused(&q_of, &k_of, &v_of).transpose(1, 2).reshape(q.size());
        }
        let mut mixed = q.empty_like();
        with_slices([q, k, v], [&mut mixed], |qkv, [out]| {
            flash_attention::forward(layout, qkv, None, out);
        });
        mixed
    }
}

/// How the heads of a text lie.
fn layout(config: &Gpt2Config, x: &Tensor) -> Layout {
    Layout {
        positions: x.size()[0] as usize,
        heads: config.heads as usize,
        width: (config.channels / config.heads) as usize,
    }
}

fn normed(norm: &NormWeights, config: &Gpt2Config, x: &Tensor) -> Tensor {
    layers::norm(x, &norm.weight, &norm.bias, config.norm_epsilon)
}
