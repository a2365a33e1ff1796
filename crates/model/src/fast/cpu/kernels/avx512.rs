//! Kernels of 16 numbers a register, with the products of 8-bit numbers that came to AVX-512 later.

use super::{BLOCK, Quantized, apart, plain, prefetch};
#[allow(
    clippy::wildcard_imports,
    reason = "two dozen instructions, whose names say where they come from"
)]
use std::arch::x86_64::*;
use std::mem;

bring!("avx512f", load: [f32; 16] => __m512, store: __m512 => [f32; 16], load_16_bits: [half::bf16; 16] => __m256i);
bring!("avx512f", load_weights: [u8; 64] => __m512i, load_values: [i8; 64] => __m512i, load_sums: [i32; 16] => __m512i);

#[target_feature(enable = "avx512f")]
fn load_halves(numbers: &[half::bf16; 16]) -> __m512 {
    _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(load_16_bits(numbers))))
}

dot!(f32, f32, 16, load, "avx512f", _mm512_setzero_ps, _mm512_fmadd_ps, _mm512_reduce_add_ps);
dot!(
    bf16,
    half::bf16,
    16,
    load_halves,
    "avx512f",
    _mm512_setzero_ps,
    _mm512_fmadd_ps,
    _mm512_reduce_add_ps
);
weighted_sum!(16, "avx512f", _mm512_set1_ps, _mm512_fmadd_ps);

#[target_feature(enable = "avx512f,avx512vnni")]
pub fn int8<const ROWS: usize>((rows, scales): (&[u8], &[f32]), x: &Quantized) -> [f32; ROWS] {
    let (inputs, blocks) = (x.values.len(), x.values.len() / BLOCK);
    let (rows, scales): ([_; ROWS], [_; ROWS]) =
        (apart(rows, inputs, inputs), apart(scales, blocks, blocks));
    let (values, offsets) = (x.values.as_chunks::<BLOCK>().0, x.offsets.as_chunks::<16>().0);
    let x_scales = x.scales.as_chunks::<16>().0;
    let mut sums = [_mm512_setzero_ps(); ROWS];
    for block in 0..blocks {
        let (values, offsets) = (load_values(&values[block]), load_sums(&offsets[block]));
        let x_scale = load(&x_scales[block]);
        for row in 0..ROWS {
            prefetch(rows[0], ROWS * inputs + (block * ROWS + row) * BLOCK);
            let weights = &rows[row].as_chunks::<BLOCK>().0[block];
            let products = _mm512_dpbusd_epi32(offsets, load_weights(weights), values);
            let scale = _mm512_mul_ps(_mm512_set1_ps(scales[row][block]), x_scale);
            sums[row] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products), scale, sums[row]);
        }
    }
    let mut out = [0.0; ROWS];
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = _mm512_reduce_add_ps(sum);
    }
    out
}
