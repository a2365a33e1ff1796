//! Kernels of 8 numbers a register.

use super::{BLOCK, LANE, Quantized, apart, plain, prefetch};
#[allow(
    clippy::wildcard_imports,
    reason = "two dozen instructions, whose names say where they come from"
)]
use std::arch::x86_64::*;
use std::mem;

bring!("avx2", load: [f32; 8] => __m256, store: __m256 => [f32; 8], load_16_bits: [half::bf16; 8] => __m128i);
bring!("avx2", load_weights: [u8; 32] => __m256i, load_values: [i8; 32] => __m256i);

#[target_feature(enable = "avx2")]
fn sum(lanes: __m256) -> f32 {
    let fours = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
    let twos = _mm_add_ps(fours, _mm_movehl_ps(fours, fours));
    _mm_cvtss_f32(_mm_add_ss(twos, _mm_shuffle_ps::<1>(twos, twos)))
}

#[target_feature(enable = "avx2")]
fn load_halves(numbers: &[half::bf16; 8]) -> __m256 {
    _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(load_16_bits(numbers))))
}

dot!(f32, f32, 8, load, "avx2,fma", _mm256_setzero_ps, _mm256_fmadd_ps, sum);
dot!(bf16, half::bf16, 8, load_halves, "avx2,fma", _mm256_setzero_ps, _mm256_fmadd_ps, sum);
weighted_sum!(8, "avx2,fma", _mm256_set1_ps, _mm256_fmadd_ps);

/// Sums of four products each, of 32 weights with 32 values.
///
/// There is an instruction for two products of 8 bits whose sum has 16, and one factor of each has no sign. So the weights take
/// the values' signs. As no number goes beyond 127, no sum goes beyond 32,258, and so beyond its 16 bits.
#[target_feature(enable = "avx2")]
fn products(weights: &[u8; 32], values: __m256i, sizes: __m256i) -> __m256i {
    let weights = _mm256_xor_si256(load_weights(weights), _mm256_set1_epi8(-128)); // takes 128 off
    let twos = _mm256_maddubs_epi16(sizes, _mm256_sign_epi8(weights, values));
    _mm256_madd_epi16(twos, _mm256_set1_epi16(1))
}

#[target_feature(enable = "avx2,fma")]
pub fn int8<const ROWS: usize>((rows, scales): (&[u8], &[f32]), x: &Quantized) -> [f32; ROWS] {
    let (inputs, blocks) = (x.values.len(), x.values.len() / BLOCK);
    let (rows, scales): ([_; ROWS], [_; ROWS]) =
        (apart(rows, inputs, inputs), apart(scales, blocks, blocks));
    let (values, x_scales) =
        (x.values.as_chunks::<BLOCK>().0, x.scales.as_chunks::<{ BLOCK / LANE }>().0);
    let mut sums = [_mm256_setzero_ps(); ROWS];
    for (block, (values, x_scales)) in values.iter().zip(x_scales).enumerate() {
        for half in 0..2 {
            let values = load_values(&values.as_chunks().0[half]);
            let (sizes, x_scale) = (_mm256_abs_epi8(values), load(&x_scales.as_chunks().0[half]));
            for row in 0..ROWS {
                if half == 0 {
                    prefetch(rows[0], ROWS * inputs + (block * ROWS + row) * BLOCK);
                }
                let weights = &rows[row].as_chunks::<BLOCK>().0[block];
                let products = products(&weights.as_chunks().0[half], values, sizes);
                let scale = _mm256_mul_ps(_mm256_set1_ps(scales[row][block]), x_scale);
                sums[row] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), scale, sums[row]);
            }
        }
    }
    let mut out = [0.0; ROWS];
    for (out, lanes) in out.iter_mut().zip(sums) {
        *out = sum(lanes);
    }
    out
}
