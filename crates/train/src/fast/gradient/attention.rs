//! Attention, and what it remembers for its gradient.
//!
//! For what [the fast step](crate::fast) gains.

use super::arena::Shelf;
use model::fast::{
    cpu::tensor_slice::{to_f32_vec, with_slices},
    ops::{
        dropout::Mask,
        flash_attention::{self, Layout},
    },
};
use tch::{Kind, Tensor};

/// What the gradient of attention needs.
pub struct Mixed {
    layout: Layout,
    of_heads: [Tensor; 3], // queries, keys and values, [B * T, C], in the type of products
    output: Tensor,        // the same
    mask: Option<Mask>,
    log_sums: Vec<f32>, // [B, H, T]
}

impl Mixed {
    /// Causal attention of several texts, of whose weights dropout takes some away.
    ///
    /// bfloat16 is read by libtorch's kernel, in a processor's own units for it; what that has no kernel for, dropout, is in float32.
    ///
    /// # Shapes
    /// - each of `of_heads`: `[B * T, C]`
    pub fn new(layout: Layout, of_heads: [Tensor; 3], mask: Option<Mask>, shelf: &Shelf) -> Self {
        let kind = of_heads[0].kind();
        if kind == Kind::BFloat16 && mask.is_none() {
            let (output, log_sums) = mix_rounded(layout, &of_heads);
            return Self { layout, of_heads, output, mask, log_sums };
        }
        let [q, k, v] = of_heads.each_ref().map(|x| x.to_kind(Kind::Float));
        let mut output = if kind == Kind::Float { shelf.place(&q.size()) } else { q.empty_like() };
        let log_sums = with_slices([&q, &k, &v], [&mut output], |qkv, [output]| {
            flash_attention::forward(layout, qkv, mask.as_ref(), output)
        });
        let output = output.to_kind(kind);
        Self { layout, of_heads, output, mask, log_sums }
    }

    /// `[B * T, C]`, the heads side by side, in the type of products.
    pub fn output(&self) -> Tensor {
        self.output.shallow_clone()
    }

    /// The gradients of queries, keys and values, each `[B * T, C]`.
    pub fn backward(&self, dy: &Tensor) -> [Tensor; 3] {
        let Self { layout, of_heads: [q, k, v], output, mask, log_sums } = self;
        let [q, k, v, output] = [q, k, v, output].map(|x| x.to_kind(Kind::Float));
        let mut gradients = [&q, &k, &v].map(Tensor::empty_like);
        with_slices([&q, &k, &v, &output, dy], gradients.each_mut(), |given, gradients| {
            flash_attention::backward(*layout, given, log_sums, mask.as_ref(), gradients);
        });
        gradients
    }
}

/// Output and logarithms of sums by libtorch's kernel.
fn mix_rounded(layout: Layout, of_heads: &[Tensor; 3]) -> (Tensor, Vec<f32>) {
    let [q, k, v] = of_heads.each_ref().map(|x| layout.heads_of(x));
    let (output, log_sums) = Tensor::internal_scaled_dot_product_flash_attention_for_cpu(
        &q,
        &k,
        &v,
        0.0,
        true,
        None::<Tensor>,
        None,
    );
    let output = output.transpose(1, 2).reshape(of_heads[0].size());
    (output, to_f32_vec(&log_sums))
}
