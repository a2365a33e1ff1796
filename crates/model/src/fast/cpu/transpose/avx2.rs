//! Rows and columns exchanged, in squares of 8 by 8 that fill half of the registers of a processor with AVX2.
//!
//! A compiler moves such numbers one by one, at 0.5 to 1 ns each on an AMD Zen 3; these take 0.2 to 0.3 ns.
//!
//! `cargo xtask bench prefill` measures it.

use crate::fast::cpu::simd::LANES;
use std::{
    arch::x86_64::{
        __m256, _mm256_permute2f128_ps as halves, _mm256_shuffle_ps as pairs,
        _mm256_unpackhi_ps as high, _mm256_unpacklo_ps as low,
    },
    mem::transmute,
};

const SIDE: usize = 8;

/// Of four numbers of each of two registers: the first two, and the other two.
const FIRST: i32 = 0b01_00_01_00;
const SECOND: i32 = 0b11_10_11_10;

/// The columns of 16 rows as lines.
#[target_feature(enable = "avx2")]
pub fn transpose(rows: &[&[f32]; LANES], lines: &mut [[f32; LANES]]) {
    for (half, rows) in rows.as_chunks::<SIDE>().0.iter().enumerate() {
        let (squares, rest) = lines.as_chunks_mut::<SIDE>();
        let whole = squares.len();
        for (number, square) in squares.iter_mut().enumerate() {
            let mut numbers = [[0.0; SIDE]; SIDE];
            for (numbers, row) in numbers.iter_mut().zip(rows) {
                *numbers = *row[number * SIDE..].first_chunk().expect("as many columns as lines");
            }
            let columns = turn(numbers); // an array that is taken apart by value would go by way of the stack
            for (line, column) in square.iter_mut().zip(&columns) {
                line.as_chunks_mut().0[half] = *column;
            }
        }
        for (column, line) in (whole * SIDE..).zip(rest) {
            line.as_chunks_mut().0[half] = rows.map(|row| row[column]);
        }
    }
}

/// A square, transposed: of pairs of rows every second number, then every second pair of numbers, then halves.
#[target_feature(enable = "avx2")]
#[inline]
#[expect(unsafe_code, reason = "registers and arrays of as many numbers are the same bits")]
fn turn(square: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
    // SAFETY: 64 numbers each, of which every bit pattern is one.
    let [r0, r1, r2, r3, r4, r5, r6, r7] =
        unsafe { transmute::<[[f32; SIDE]; SIDE], [__m256; SIDE]>(square) };
    let [a0, a1, a2, a3] = [low(r0, r1), high(r0, r1), low(r2, r3), high(r2, r3)];
    let [b0, b1, b2, b3] = [low(r4, r5), high(r4, r5), low(r6, r7), high(r6, r7)];
    let upper = [
        pairs::<FIRST>(a0, a2),
        pairs::<SECOND>(a0, a2),
        pairs::<FIRST>(a1, a3),
        pairs::<SECOND>(a1, a3),
    ];
    let lower = [
        pairs::<FIRST>(b0, b2),
        pairs::<SECOND>(b0, b2),
        pairs::<FIRST>(b1, b3),
        pairs::<SECOND>(b1, b3),
    ];
    let [u0, u1, u2, u3] = upper;
    let [l0, l1, l2, l3] = lower;
    let columns = [
        halves::<0x20>(u0, l0),
        halves::<0x20>(u1, l1),
        halves::<0x20>(u2, l2),
        halves::<0x20>(u3, l3),
        halves::<0x31>(u0, l0),
        halves::<0x31>(u1, l1),
        halves::<0x31>(u2, l2),
        halves::<0x31>(u3, l3),
    ];
    // SAFETY: as above.
    unsafe { transmute::<[__m256; SIDE], [[f32; SIDE]; SIDE]>(columns) }
}
