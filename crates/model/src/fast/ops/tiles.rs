//! How the matrices of a product lie: rows in tiles on the left, panels on the right, lines of sums as the result.
//!
//! For what the [products](super::micro_kernel) gain.

#![expect(clippy::inline_always, reason = "compiled anew for registers of each width")]

use crate::fast::cpu::{simd::LANES, transpose::transpose};
use std::array;

/// Rows and columns of a tile: its sums fill 12 of the 16 registers that a processor with AVX2 has.
pub const ROWS: usize = 6;

/// A matrix whose rows begin `stride` numbers after one another.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    pub numbers: &'a [f32],
    pub stride: usize,
    pub count: usize,
    pub width: usize,
}

impl<'a> Rows<'a> {
    pub fn row(&self, number: usize) -> &'a [f32] {
        &self.numbers[number * self.stride..][..self.width]
    }

    /// Rows for tiles. Beyond the end the last one is repeated: its sums go nowhere.
    pub fn tiles(&self, start: usize, end: usize) -> Vec<Tile<'a>> {
        let tile = |first: usize| array::from_fn(|row| self.row((first + row).min(end - 1)));
        (start..end).step_by(ROWS).map(tile).collect()
    }

    /// As the right matrix of a product over rows: `[width / 16, count, 16]`.
    pub fn panels(&self) -> Vec<[f32; LANES]> {
        let mut panels = vec![[0.0; LANES]; self.width.div_ceil(LANES) * self.count];
        for number in 0..self.count {
            let (whole, rest) = self.row(number).as_chunks();
            let lines = panels[number..].iter_mut().step_by(self.count);
            for (line, numbers) in lines.zip(whole) {
                *line = *numbers;
            }
            if !rest.is_empty() {
                panels[whole.len() * self.count + number][..rest.len()].copy_from_slice(rest);
            }
        }
        panels
    }

    /// Writes the columns of 16 rows, from row `first` on, as lines. Beyond the end the last row is repeated.
    ///
    /// # Shapes
    /// - `lines`: `[width, 16]`
    pub fn transpose(&self, first: usize, lines: &mut [[f32; LANES]]) {
        let row = |lane: usize| self.row((first + lane).min(self.count - 1));
        transpose(&array::from_fn(row), lines);
    }

    /// The transposed, as the right matrix of a product over columns: `[count / 16, width, 16]`. Beyond the end the last row is
    /// repeated.
    pub fn transposed_panels(&self) -> Vec<[f32; LANES]> {
        let mut panels = vec![[0.0; LANES]; self.count.div_ceil(LANES) * self.width];
        for (number, panel) in panels.chunks_exact_mut(self.width).enumerate() {
            self.transpose(number * LANES, panel);
        }
        panels
    }
}

/// Rows that are multiplied together.
pub type Tile<'a> = [&'a [f32]; ROWS];

/// Some lines of each panel of a right matrix.
#[derive(Clone, Copy)]
pub struct Panels<'a> {
    numbers: &'a [[f32; LANES]],
    /// Lines of a panel.
    length: usize,
    pub first: usize,
    pub end: usize,
}

impl<'a> Panels<'a> {
    /// Whole panels.
    pub fn new(numbers: &'a [[f32; LANES]], length: usize) -> Self {
        Self { numbers, length, first: 0, end: length }
    }

    /// The same lines of all panels.
    pub fn lines(self, first: usize, end: usize) -> Self {
        Self { first, end, ..self }
    }

    /// The lines of each panel, with its number.
    #[inline(always)]
    pub fn enumerate(self) -> impl Iterator<Item = (usize, &'a [[f32; LANES]])> {
        self.numbers
            .chunks_exact(self.length)
            .map(move |panel| &panel[self.first..self.end])
            .enumerate()
    }
}
