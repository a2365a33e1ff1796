//! Several heads as one layer (chapter 2.7).

use crate::attend::{attend, attend_fused};
use crate::linear::Linear;
use tch::{Tensor, nn};

/// Causal attention with `H` heads, which read side by side in slices of `D = C / H` channels.
#[derive(Debug)]
pub struct MultiHeadAttention {
    w_q: Linear, // weight [C, C]
    w_k: Linear, // weight [C, C]
    w_v: Linear, // weight [C, C]
    /// Mixes the heads' slices: weight `[C, C]`.
    pub w_o: Linear,
    heads: i64,
    dropout: f64,
}

impl MultiHeadAttention {
    /// Creates the four projections under `path`, in the order query, key, value, output; the output has a bias, the others
    /// have one if `qkv_bias` says so.
    ///
    /// # Panics
    /// If `channels` do not split evenly into `heads`.
    pub fn new(path: &nn::Path, channels: i64, heads: i64, qkv_bias: bool, dropout: f64) -> Self {
        let even = channels > 0 && heads > 0 && channels % heads == 0;
        assert!(even, "{channels} channels do not split into {heads} equal heads");
        let project = |name, bias| Linear::new(&(path / name), channels, channels, bias);
        Self {
            w_q: project("query", qkv_bias),
            w_k: project("key", qkv_bias),
            w_v: project("value", qkv_bias),
            w_o: project("output", true),
            heads,
            dropout,
        }
    }

    /// Lets each position read itself and the positions before it, `H` times in parallel.
    ///
    /// # Shapes
    /// - `x`: `[B, T, C]`
    /// - returns `[B, T, C]`
    ///
    /// # Panics
    /// If `x` is not of rank 3.
    pub fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        let (q, k, v) = self.project(x); // [B, H, T, D]
        self.mix(&q, &k, &v, train) // [B, T, C]
    }

    /// Projects to queries, keys and values, and gives each head its slice of the channels.
    ///
    /// # Shapes
    /// - `x`: `[B, T, C]`
    /// - returns three times `[B, H, T, D]`
    ///
    /// # Panics
    /// If `x` is not of rank 3.
    pub fn project(&self, x: &Tensor) -> (Tensor, Tensor, Tensor) {
        let [b, t, c] = x.size()[..] else { panic!("x must be [B, T, C], got {:?}", x.size()) };
        let split = |p: Tensor| p.view([b, t, self.heads, c / self.heads]).transpose(1, 2); // [B, H, T, D]
        (split(self.w_q.forward(x)), split(self.w_k.forward(x)), split(self.w_v.forward(x)))
    }

    /// Lets each head mix the values that its queries may read, puts the heads' slices side by side again, and mixes these through
    /// the output projection.
    ///
    /// With dropout at work the weights must exist to be dropped, so the spelled-out [`attend`] runs; otherwise the fused
    /// kernel, which computes the same.
    ///
    /// # Shapes
    /// - `q`: `[B, H, T, D]`; `k`, `v`: `[B, H, keys, D]`; the queries are the last positions of the keys
    /// - returns `[B, T, C]`
    ///
    /// # Panics
    /// If `q` is not of rank 4, if `k` and `v` do not fit it, or if there are more queries than keys.
    pub fn mix(&self, q: &Tensor, k: &Tensor, v: &Tensor, train: bool) -> Tensor {
        let [b, h, t, d] = q.size()[..] else {
            panic!("q must be [B, H, T, D], got {:?}", q.size())
        };
        let mixed = if train && self.dropout > 0.0 {
            attend(q, k, v, self.dropout, train)
        } else {
            attend_fused(q, k, v)
        }; // [B, H, T, D]
        self.w_o.forward(&mixed.transpose(1, 2).reshape([b, t, h * d])) // [B, T, C]
    }
}
