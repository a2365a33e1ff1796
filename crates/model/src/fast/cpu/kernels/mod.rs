//! Products of rows with a vector by the processor's vector instructions.
//!
//! Decoding a token reads every weight once and does two operations with it, so that the kernels have to keep up with the memory and
//! no more: four rows at a time, each in one register of sums, and the next four asked for in advance. That request alone took
//! decoding the 124M model from 114 to 185 tokens a second in 8 bits, from 70 to 98 in bfloat16, and from 47 to 57 in float32, on a
//! processor with AVX-512. On an AMD Zen 3 asking in the order in which the rows lie brings 25 GB a second where asking for each
//! row's next bytes in turn brings 20.
//! There are three levels, AVX-512, AVX2, and plain code for every other processor; [`Kernels::available`] lists what the processor
//! at hand can run, and a test holds each against the plain one.
//!
//! Vector instructions may run only where the processor has them: a [`Kernels`] of a level is made only after asking it.
//!
//! `cargo xtask bench decode` measures it.

#![expect(unsafe_code, reason = "vector instructions cannot be reached otherwise")]

use super::{
    quantize::{BLOCK, INPUTS_OF_A_SCALE, LANE, Quantized},
    simd::{lanes, prefetch},
};
use half::bf16;
use std::array;

/// Fills `out` by the kernel of that name at the level of `$kernels`; `$at` gives what begins at a row.
macro_rules! dispatch {
    ($kernels:ident, $kernel:ident, $at:ident, $x:ident, $out:ident) => {
        match $kernels.0 {
            Level::Plain => unroll4(
                $out,
                |row| plain::$kernel::<4>($at(row), $x),
                |row| plain::$kernel::<1>($at(row), $x),
            ),
            // SAFETY: this level exists only where the processor has its instructions.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unroll4(
                $out,
                |row| unsafe { avx2::$kernel::<4>($at(row), $x) },
                |row| unsafe { avx2::$kernel::<1>($at(row), $x) },
            ),
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unroll4(
                $out,
                |row| unsafe { avx512::$kernel::<4>($at(row), $x) },
                |row| unsafe { avx512::$kernel::<1>($at(row), $x) },
            ),
        }
    };
}

#[cfg(target_arch = "x86_64")]
#[macro_use]
mod macros;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod plain;

/// The kernels of one level of vector instructions, which this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels(Level);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernels {
    /// All that this processor can run, the plain ones first and the fastest last.
    pub fn available() -> Vec<Self> {
        #[cfg_attr(
            not(target_arch = "x86_64"),
            expect(unused_mut, reason = "nothing is added there")
        )]
        let mut levels = vec![Self(Level::Plain)];
        #[cfg(target_arch = "x86_64")]
        {
            if lanes() >= 8 {
                levels.push(Self(Level::Avx2));
            }
            if lanes() >= 16 && is_x86_feature_detected!("avx512vnni") {
                levels.push(Self(Level::Avx512));
            }
        }
        levels
    }

    /// The fastest that this processor can run.
    pub fn fastest() -> Self {
        Self::available().pop().unwrap_or(Self(Level::Plain))
    }

    /// The product of each row with `x`.
    ///
    /// # Shapes
    /// - `rows`: `[outputs, inputs]`, `x`: `[inputs]`, `out`: `[outputs]`
    ///
    /// # Panics
    /// If the sizes do not fit each other.
    pub fn dot_f32(self, rows: &[f32], x: &[f32], out: &mut [f32]) {
        assert_eq!(
            rows.len(),
            out.len() * x.len(),
            "rows are not as many as outputs, or not as long as x"
        );
        let at = |row: usize| &rows[row * x.len()..];
        dispatch!(self, f32, at, x, out);
    }

    /// The same with rows in bfloat16, the upper halves of 32-bit numbers. All arithmetic is in 32 bits.
    ///
    /// # Shapes
    /// As in [`dot_f32`](Self::dot_f32).
    ///
    /// # Panics
    /// As in [`dot_f32`](Self::dot_f32).
    pub fn dot_bf16(self, rows: &[bf16], x: &[f32], out: &mut [f32]) {
        assert_eq!(
            rows.len(),
            out.len() * x.len(),
            "rows are not as many as outputs, or not as long as x"
        );
        let at = |row: usize| &rows[row * x.len()..];
        dispatch!(self, bf16, at, x, out);
    }

    /// The same with rows and vector in 8 bits: sums of four products are exact whole numbers, and are then scaled and added in
    /// 32-bit arithmetic.
    ///
    /// # Shapes
    /// - `rows`: `[outputs, inputs]`, weights plus 128; `inputs` is a multiple of [`BLOCK`]
    /// - `scales`: `[outputs, inputs / BLOCK]`
    /// - `out`: `[outputs]`
    ///
    /// # Panics
    /// If the sizes do not fit each other.
    pub fn dot_int8(self, rows: &[u8], scales: &[f32], x: &Quantized, out: &mut [f32]) {
        let (inputs, blocks) = (x.values.len(), x.values.len() / BLOCK);
        assert_eq!(inputs % BLOCK, 0, "the inputs do not fill their last block");
        assert_eq!(
            [x.offsets.len(), x.scales.len()],
            [inputs / LANE; 2],
            "a lane lacks its offset or its scale"
        );
        assert_eq!(
            rows.len(),
            out.len() * inputs,
            "rows are not as many as outputs, or not as long as x"
        );
        assert_eq!(scales.len(), out.len() * blocks, "a block lacks its scale");
        let at = |row: usize| (&rows[row * inputs..], &scales[row * blocks..]);
        dispatch!(self, int8, at, x, out);
    }

    /// The sum of all rows, each times its weight: what attention makes of the values, and the product of a vector with a matrix that
    /// is stored as `[inputs, outputs]`.
    ///
    /// # Shapes
    /// - `weights`: `[rows]`, `out`: `[D]`
    /// - `rows`: `[rows, D]`, where the next row begins `stride` numbers after the one before
    ///
    /// # Panics
    /// If the sizes do not fit each other.
    pub fn weighted_sum(self, weights: &[f32], rows: &[f32], stride: usize, out: &mut [f32]) {
        let needed = weights.len().checked_sub(1).map_or(0, |before| before * stride + out.len());
        assert_eq!(rows.len(), needed, "rows are not as many as weights, or not as long as out");
        out.fill(0.0);
        let (eights, rest) = weights.as_chunks::<8>();
        for (i, weights) in eights.iter().enumerate() {
            self.weighted_sum_of(weights, &rows[8 * i * stride..], stride, out);
        }
        for (i, weight) in rest.iter().enumerate() {
            self.weighted_sum_of(&[*weight], &rows[(8 * eights.len() + i) * stride..], stride, out);
        }
    }

    fn weighted_sum_of<const ROWS: usize>(
        self,
        weights: &[f32; ROWS],
        rows: &[f32],
        stride: usize,
        out: &mut [f32],
    ) {
        match self.0 {
            Level::Plain => plain::weighted_sum(weights, rows, stride, out),
            // SAFETY: this level exists only where the processor has its instructions.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { avx2::weighted_sum(weights, rows, stride, out) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512::weighted_sum(weights, rows, stride, out) },
        }
    }
}

/// The first rows of a matrix, each so many numbers after the one before.
#[expect(
    clippy::inline_always,
    reason = "a closure is not inlined where other instructions are allowed"
)]
#[inline(always)]
fn apart<T, const ROWS: usize>(rows: &[T], stride: usize, length: usize) -> [&[T]; ROWS] {
    array::from_fn(|row| &rows[row * stride..][..length])
}

/// Fills `out` four rows at a time, and the rest one by one.
fn unroll4(out: &mut [f32], four: impl Fn(usize) -> [f32; 4], one: impl Fn(usize) -> [f32; 1]) {
    let (fours, rest) = out.as_chunks_mut();
    for (chunk, out) in fours.iter_mut().enumerate() {
        *out = four(4 * chunk);
    }
    let done = 4 * fours.len();
    for (row, out) in rest.iter_mut().enumerate() {
        [*out] = one(done + row);
    }
}
