//! Causal attention and its gradient, head by head.
//!
//! libtorch's kernel compares queries with keys in blocks of up to 256 by 512, of which the mask hides a good part again, hands
//! each product of a block to a library made for larger ones, and wants heads apart that lie side by side. Here blocks are as small
//! as a processor's cache, products are sums in registers, and heads are read and written where they lie. On an AMD Zen 3 the way
//! forward and back takes three quarters of libtorch's time, of which it was a sixth of a step with 4 texts of 1,024 tokens. On an Intel
//! Xeon with AVX-512 it takes 5 % off a prompt of 512 tokens and nothing off a step (1.00, 7 pairs). And it knows dropout of the weights,
//! for which libtorch has no kernel on a CPU. Of numbers in bfloat16 libtorch's kernel is the faster one forward, where a processor has
//! a unit for them, and is taken there; its way back is not.
//!
//! `cargo xtask bench train --only train-4x1024` measures it.

use super::{
    dropout::{Dropped, Mask},
    micro_kernel::{Block, add_transposed_simd, multiply_simd},
    softmax::{dot_simd, softmax_backward_simd, softmax_simd},
    tiles::{Panels, ROWS, Rows},
};
use crate::fast::cpu::{simd::LANES, threads::parallel_for};
use tch::Tensor;

/// Queries, and keys, of a block: whole tiles and panels, and few enough for a processor's cache.
const QUERIES: usize = 8 * ROWS;
const KEYS: usize = 24 * LANES;

/// How heads lie in a batch: each text has its positions one after the other, and each position its heads.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Of each text.
    pub positions: usize,
    /// Of each position.
    pub heads: usize,
    /// Channels of a head.
    pub width: usize,
}

/// Mixes the values that each position may read. Returns the logarithms of the sums that softmax divided by, head by head.
///
/// # Shapes
/// - `q`, `k`, `v`, `out`: `[B, T, H, D]`
/// - `mask`: `[B * H * T, T]`, the weights that dropout keeps; none where it does not drop any
/// - returns `[B, H, T]`
///
/// # Source
/// Vaswani et al. 2017 (<https://arxiv.org/abs/1706.03762>), equation 1.
pub fn forward(
    layout: Layout,
    [q, k, v]: [&[f32]; 3],
    mask: Option<&Mask>,
    out: &mut [f32],
) -> Vec<f32> {
    let mut log_sums = vec![0.0; q.len() / layout.width];
    let heads = (0..).zip(layout.apart(out)).zip(log_sums.chunks_mut(layout.positions));
    let heads = heads.map(|((head, out), log_sums)| {
        let [q, k, v] = [q, k, v].map(|x| layout.head(x, head));
        Forward { q, k, v, dropped: Dropped::new(mask, head * layout.positions), out, log_sums }
    });
    parallel_for(heads.collect(), forward_of_head);
    log_sums
}

/// The gradients of queries, keys and values, given that of the output.
///
/// # Shapes
/// - `q`, `k`, `v`, `out`, `d_out`, and the places of the gradients: `[B, T, H, D]`
/// - `log_sums`: `[B, H, T]`
/// - `mask`: that of [`forward`]
///
/// # Source
/// Dao 2023 (<https://arxiv.org/abs/2307.08691>), algorithm 2.
pub fn backward(
    layout: Layout,
    [q, k, v, out, d_out]: [&[f32]; 5],
    log_sums: &[f32],
    mask: Option<&Mask>,
    gradients: [&mut [f32]; 3],
) {
    let [dq, dk, dv] = gradients.map(|gradient| layout.apart(gradient).into_iter());
    let heads = (0..).zip(dq.zip(dk).zip(dv)).zip(log_sums.chunks(layout.positions));
    let heads = heads.map(|((head, ((dq, dk), dv)), log_sums)| {
        let [q, k, v, out, d_out] = [q, k, v, out, d_out].map(|x| layout.head(x, head));
        let dropped = Dropped::new(mask, head * layout.positions);
        Backward { q, k, v, out, d_out, log_sums, dropped, dq, dk, dv }
    });
    parallel_for(heads.collect(), backward_of_head);
}

impl Layout {
    /// The heads of each text, `[B, H, T, D]` of `[B * T, C]`, where they lie.
    pub fn heads_of(self, x: &Tensor) -> Tensor {
        let [positions, heads, width] = [self.positions, self.heads, self.width].map(|n| n as i64);
        x.view([-1, positions, heads, width]).transpose(1, 2)
    }

    /// What belongs to one head of one text, of all of them in a row.
    fn head(self, x: &[f32], number: usize) -> Rows<'_> {
        let Self { positions, heads, width } = self;
        let start = number / heads * positions * heads * width + number % heads * width;
        Rows { numbers: &x[start..], stride: heads * width, count: positions, width }
    }

    /// The rows of each head, to be written by different threads.
    fn apart(self, x: &mut [f32]) -> Vec<Vec<&mut [f32]>> {
        let Self { positions, heads, width } = self;
        let mut apart: Vec<_> =
            (0..x.len() / (positions * width)).map(|_| Vec::with_capacity(positions)).collect();
        for (row, channels) in x.chunks_exact_mut(width).enumerate() {
            apart[row / (positions * heads) * heads + row % heads].push(channels);
        }
        apart
    }
}

struct Forward<'a> {
    q: Rows<'a>,
    k: Rows<'a>,
    v: Rows<'a>,
    dropped: Dropped<'a>,
    out: Vec<&'a mut [f32]>,
    log_sums: &'a mut [f32],
}

fn forward_of_head(head: Forward) {
    let Forward { q, k, v, dropped, mut out, log_sums } = head;
    let Rows { count: positions, width, .. } = q;
    let factor = 1.0 / (width as f32).sqrt();
    let (keys, values) = (k.transposed_panels(), v.panels());
    let (mut weights, mut mixed) = (Block::new(QUERIES, positions), Block::new(QUERIES, width));
    let mut shares = [0.0; QUERIES];
    for start in (0..positions).step_by(QUERIES) {
        let end = positions.min(start + QUERIES); // as many keys as the last query sees
        let seen = Panels::new(&keys[..end.div_ceil(LANES) * width], width);
        multiply_simd(&q.tiles(start, end), seen, &mut weights, 0, false);
        for query in start..end {
            let weights = &mut weights.line_mut(query - start)[..end];
            let (largest, sum) = softmax_simd(&mut weights[..=query], factor);
            weights[query + 1..].fill(0.0);
            dropped.apply(query, 0, &mut weights[..=query]); // the sum is that of all
            log_sums[query] = largest + sum.ln();
            shares[query - start] = 1.0 / sum;
        }
        let seen = Panels::new(&values, positions).lines(0, end);
        multiply_simd(
            &weights.rows(end - start, end).tiles(0, end - start),
            seen,
            &mut mixed,
            0,
            false,
        );
        for (query, out) in out[start..end].iter_mut().enumerate() {
            for (out, sum) in out.iter_mut().zip(mixed.line(query)) {
                *out = sum * shares[query];
            }
        }
    }
}

struct Backward<'a> {
    q: Rows<'a>,
    k: Rows<'a>,
    v: Rows<'a>,
    out: Rows<'a>,
    d_out: Rows<'a>,
    log_sums: &'a [f32],
    dropped: Dropped<'a>,
    dq: Vec<&'a mut [f32]>,
    dk: Vec<&'a mut [f32]>,
    dv: Vec<&'a mut [f32]>,
}

fn backward_of_head(head: Backward) {
    let Rows { count: positions, width, .. } = head.q;
    let operands = Operands::new(&head);
    let mut blocks = [(); 2].map(|()| Block::new(QUERIES, KEYS.min(positions)));
    let mut gradients = [(); 3].map(|()| Block::new(positions, width));
    for first in (0..positions).step_by(KEYS) {
        for start in (first..positions).step_by(QUERIES) {
            add_of_block(&head, &operands, (first, start), &mut blocks, &mut gradients);
        }
    }
    for (rows, block) in [head.dq, head.dk, head.dv].into_iter().zip(&gradients) {
        for (position, row) in rows.into_iter().enumerate() {
            row.copy_from_slice(&block.line(position)[..width]);
        }
    }
}

/// What the products of a head read, laid out for them.
struct Operands {
    keys: Vec<[f32; LANES]>,   // transposed
    values: Vec<[f32; LANES]>, // transposed
    q: Vec<[f32; LANES]>,
    k: Vec<[f32; LANES]>,
    d_out: Vec<[f32; LANES]>,
    /// For each query, its output times the output's gradient.
    dots: Vec<f32>,
}

impl Operands {
    fn new(head: &Backward) -> Self {
        let Backward { q, k, v, out, d_out, .. } = head;
        Self {
            keys: k.transposed_panels(),
            values: v.transposed_panels(),
            q: q.panels(),
            k: k.panels(),
            d_out: d_out.panels(),
            dots: (0..q.count).map(|t| dot_simd(out.row(t), d_out.row(t))).collect(),
        }
    }
}

/// Adds what a block of queries, from `start` on, and a block of keys, from `first` on, say about each other.
fn add_of_block(
    head: &Backward,
    operands: &Operands,
    (first, start): (usize, usize),
    [weights, slopes]: &mut [Block; 2],
    [of_queries, of_keys, of_values]: &mut [Block; 3],
) {
    let Rows { count: positions, width, .. } = head.q;
    let panels = |panels| Panels::new(panels, positions);
    let factor = 1.0 / (width as f32).sqrt();
    let end = positions.min(start + QUERIES);
    let last = end.min(first + KEYS); // of these keys the last query sees those before
    let own = first / LANES * width..last.div_ceil(LANES) * width;
    let (keys, values) = (&operands.keys[own.clone()], &operands.values[own]);
    multiply_simd(&head.q.tiles(start, end), Panels::new(keys, width), weights, 0, false);
    multiply_simd(&head.d_out.tiles(start, end), Panels::new(values, width), slopes, 0, false);
    for query in start..end {
        let weights = &mut weights.line_mut(query - start)[..last - first];
        let slopes = &mut slopes.line_mut(query - start)[..last - first];
        let (log_sum, dot) = (head.log_sums[query], operands.dots[query]);
        let seen = last.min(query + 1) - first;
        head.dropped.apply(query, first, &mut slopes[..seen]);
        softmax_backward_simd(&mut weights[..seen], &mut slopes[..seen], factor, log_sum, dot);
        head.dropped.apply(query, first, &mut weights[..seen]);
        weights[seen..].fill(0.0);
        slopes[seen..].fill(0.0);
    }
    let rows = slopes.rows(end - start, last - first);
    let tiles = rows.tiles(0, end - start);
    multiply_simd(&tiles, panels(&operands.k).lines(first, last), of_queries, start, true);
    let queries = panels(&operands.q).lines(start, end);
    add_transposed_simd(slopes, last - first, queries, of_keys, first);
    let outputs = panels(&operands.d_out).lines(start, end);
    add_transposed_simd(weights, last - first, outputs, of_values, first);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fast::{cpu::tensor_slice::with_slices, twin::wave};
    use tch::{Kind, Tensor};

    /// Queries, keys, values and an output's gradient, with scores as far apart as those of a trained model.
    fn drawn(layout: Layout, batch: i64) -> [Tensor; 4] {
        let Layout { positions, heads, width } = layout;
        let shape = [batch, positions as i64, heads as i64, width as i64];
        // Waves alone are so alike that their products are far larger.
        [(0, 2.8), (1, 2.8), (2, 1.4), (3, 1.4)]
            .map(|(number, size)| (wave(&shape, number) * 1e3).sin() * size)
    }

    /// The same by autograd in double numbers: the output, and the gradients of queries, keys and values.
    fn spelled_out([q, k, v, d_out]: &[Tensor; 4]) -> [Tensor; 4] {
        let [q, k, v] = [q, k, v].map(|x| x.to_kind(Kind::Double).set_requires_grad(true));
        let [by_heads_q, by_heads_k, by_heads_v] = [&q, &k, &v].map(|x| x.transpose(1, 2)); // [B, H, T, D]
        let mixed = attention::attend::attend(&by_heads_q, &by_heads_k, &by_heads_v, 0.0, false);
        let out = mixed.transpose(1, 2);
        (&out * d_out.to_kind(Kind::Double)).sum(Kind::Double).backward();
        [out.detach(), q.grad(), k.grad(), v.grad()]
    }

    #[test]
    fn output_and_gradients_are_those_of_the_formula() {
        // Less than a tile, tiles and panels that end halfway, several blocks of queries, several of keys; narrow and wide heads.
        for (positions, width) in [(1, 4), (5, 16), (49, 20), (131, 64), (400, 8), (801, 64)] {
            let layout = Layout { positions, heads: 3, width };
            let given = drawn(layout, 2);
            let [q, k, v, d_out] = &given;
            let mut results = [(); 4].map(|()| q.empty_like());
            let [out, dq, dk, dv] = &mut results;
            let log_sums =
                with_slices([q, k, v], [&mut *out], |qkv, [out]| forward(layout, qkv, None, out));
            with_slices([q, k, v, out, d_out], [dq, dk, dv], |given, gradients| {
                backward(layout, given, &log_sums, None, gradients);
            });
            for (name, (ours, expected)) in
                ["out", "dq", "dk", "dv"].iter().zip(results.iter().zip(spelled_out(&given)))
            {
                let (gap, size) = ((ours - &expected).abs().max(), expected.abs().max());
                let (gap, size) = (gap.double_value(&[]), size.double_value(&[]));
                let case = format!("{name} of {positions} positions, {width} channels");
                // Scores of up to 40 in 32 bits are off by a few millionths, and so are their powers of e.
                assert!(
                    gap < 3e-6 * (1.0 + size),
                    "{case}: largest difference {gap:e} at a size of {size:e}"
                );
            }
        }
    }

    #[test]
    fn later_positions_cannot_change_earlier_ones() {
        let layout = Layout { positions: 100, heads: 2, width: 16 };
        let [q, k, v, _] = drawn(layout, 1);
        let output = |k: &Tensor, v: &Tensor| {
            let mut out = q.empty_like();
            with_slices([&q, k, v], [&mut out], |qkv, [out]| forward(layout, qkv, None, out));
            out
        };
        let (before, [edited_k, edited_v]) = (output(&k, &v), [&k, &v].map(Tensor::copy));
        for edited in [&edited_k, &edited_v] {
            let _ = edited.narrow(1, 60, 40).g_mul_scalar_(-3.0);
        }
        let after = output(&edited_k, &edited_v);
        assert_eq!(before.narrow(1, 0, 60), after.narrow(1, 0, 60), "the past changed");
        assert_ne!(before.narrow(1, 60, 40), after.narrow(1, 60, 40), "the edit did nothing");
    }
}
