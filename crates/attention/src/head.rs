//! One trainable head (chapter 2.5).

use crate::{attend::attend, linear::Linear};
use tch::{Tensor, nn};

/// A single causal attention head: three projections of the input decide what is looked for, found and passed on.
#[derive(Debug)]
pub struct CausalHead {
    w_q: Linear, // weight [D, C]
    w_k: Linear, // weight [D, C]
    w_v: Linear, // weight [D, C]
    dropout: f64,
}

impl CausalHead {
    /// Creates the projections from `channels` to `width` under `path`, without bias, in the order query, key, value.
    pub fn new(path: &nn::Path, channels: i64, width: i64, dropout: f64) -> Self {
        let project = |name| Linear::new(&(path / name), channels, width, false);
        Self { w_q: project("query"), w_k: project("key"), w_v: project("value"), dropout }
    }

    /// Lets each position read itself and the positions before it.
    ///
    /// # Shapes
    /// - `x`: `[B, T, C]`
    /// - returns `[B, T, D]`
    pub fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        let (q, k, v) = self.project(x); // [B, T, D]
        attend(&q, &k, &v, self.dropout, train)
    }

    /// What each position looks for, what it offers to be found by, and what it passes on.
    ///
    /// # Shapes
    /// - `x`: `[B, T, C]`
    /// - returns query, key and value, each `[B, T, D]`
    pub fn project(&self, x: &Tensor) -> (Tensor, Tensor, Tensor) {
        (self.w_q.forward(x), self.w_k.forward(x), self.w_v.forward(x))
    }
}
