//! What dropout keeps, a bit for each number.
//!
//! libtorch's own dropout stores a float32 for each number that it has drawn, and the numbers themselves before and after. For the
//! weights of attention that is a table of all positions by all positions, three times: 600 MB for one block of the 124M model with 4
//! texts of 1,024 tokens. Kept as bits it is 6 MB, and can be applied where the weights are made.
//!
//! A part of [attention](super::flash_attention) and of what it gains.

#![expect(clippy::inline_always, reason = "compiled anew for registers of each width")]

use crate::{fast::cpu::threads::parallel_for, multiversion};
use tch::{Device, Kind, Tensor};

/// Numbers whose bits share a word.
const WORD: usize = 16;
/// Rows whose bits are packed together.
const PIECE: usize = 64;

/// For each number of a matrix, whether it is kept.
pub struct Mask {
    words: Vec<u16>, // [rows, columns / 16]
    columns: usize,
    scale: f32,
}

impl Mask {
    /// Draws from libtorch's generator what its dropout of a contiguous tensor of so many numbers would draw.
    ///
    /// # Panics
    /// If the rate is not from 0 to 1.
    ///
    /// # Source
    /// `_dropout_impl` of PyTorch's `aten/src/ATen/native/Dropout.cpp`: `bernoulli_(1 - p)`, whose draws are the same for every type
    /// but float64.
    pub fn draw(rows: usize, columns: usize, rate: f64) -> Self {
        let numbers = (rows * columns) as i64;
        let drawn = Tensor::empty(numbers, (Kind::Uint8, Device::Cpu)).bernoulli_float_(1.0 - rate);
        let drawn = Vec::<u8>::try_from(drawn).expect("a vector of bytes");
        let words_of_row = columns.div_ceil(WORD);
        let mut words = vec![0; rows * words_of_row];
        let pieces = drawn.chunks(PIECE * columns).zip(words.chunks_mut(PIECE * words_of_row));
        parallel_for(pieces.collect(), |(drawn, words): (&[u8], &mut [u16])| {
            let rows = drawn.chunks(columns).zip(words.chunks_mut(words_of_row));
            rows.for_each(|(drawn, words)| pack(drawn, words));
        });
        Self { words, columns, scale: 1.0 / (1.0 - rate) as f32 }
    }

    /// Drops numbers of a row, from column `first` on, which begins a word, and scales the others so that their mean stays.
    pub fn apply(&self, row: usize, first: usize, numbers: &mut [f32]) {
        let words_of_row = self.columns.div_ceil(WORD);
        let words = &self.words[row * words_of_row..][..words_of_row];
        keep_simd(numbers, &words[first / WORD..], self.scale);
    }

    /// The same for all rows.
    pub fn apply_to_all(&self, numbers: &mut [f32]) {
        let pieces = numbers.chunks_mut(PIECE * self.columns).enumerate();
        parallel_for(pieces.collect(), |(piece, rows)| {
            for (row, numbers) in rows.chunks_mut(self.columns).enumerate() {
                self.apply(piece * PIECE + row, 0, numbers);
            }
        });
    }
}

/// What dropout does to the rows from `first` on, which is nothing without a mask.
#[derive(Clone, Copy)]
pub struct Dropped<'a> {
    mask: Option<&'a Mask>,
    first: usize,
}

impl<'a> Dropped<'a> {
    /// With a mask, or without one.
    pub fn new(mask: Option<&'a Mask>, first: usize) -> Self {
        Self { mask, first }
    }

    /// As [`Mask::apply`], of a row counted from the first one.
    pub fn apply(self, row: usize, first: usize, numbers: &mut [f32]) {
        if let Some(mask) = self.mask {
            mask.apply(self.first + row, first, numbers);
        }
    }
}

/// Sets a bit for each byte that is 1.
fn pack(bytes: &[u8], words: &mut [u16]) {
    for (word, bytes) in words.iter_mut().zip(bytes.chunks(WORD)) {
        let bits = bytes.iter().enumerate();
        *word = bits.fold(0, |word, (place, &byte)| word | u16::from(byte) << place);
    }
}

#[inline(always)]
fn keep(numbers: &mut [f32], words: &[u16], scale: f32) {
    let (chunks, rest) = numbers.as_chunks_mut::<WORD>();
    let (of_chunks, of_rest) = words.split_at(chunks.len());
    for (chunk, word) in chunks.iter_mut().zip(of_chunks) {
        for (place, number) in chunk.iter_mut().enumerate() {
            *number = if word >> place & 1 == 1 { *number * scale } else { 0.0 };
        }
    }
    for (place, number) in rest.iter_mut().enumerate() {
        *number = if of_rest[0] >> place & 1 == 1 { *number * scale } else { 0.0 };
    }
}

multiversion! {
    fn keep_simd(numbers: &mut [f32], words: &[u16], scale: f32) = keep;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fast::cpu::simd::{narrowed, widths};

    #[test]
    fn each_width_of_registers_gives_the_same_bits() {
        let words: Vec<u16> = (0..4).map(|i| 0x9c35_u16.rotate_left(3 * i)).collect();
        let kept = || {
            let mut numbers: Vec<f32> = (0..61).map(|i| (i as f32 * 12.9898).sin()).collect();
            keep_simd(&mut numbers, &words, 1.25);
            numbers
        };
        for width in widths() {
            assert_eq!(narrowed(width, kept), narrowed(1, kept), "registers of {width}");
        }
    }
}
