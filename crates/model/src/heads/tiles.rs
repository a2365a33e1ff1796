//! Products of matrices so small that a library loses time over them.
//!
//! A product is made in tiles of 6 rows by 16 columns, whose sums stand in registers from the first term to the last. The right
//! matrix is laid out in panels for that: 16 columns, line after line. On one core of an AMD Zen 3 such a tile takes 75 to 95 of the
//! 100 billion operations that the core can do in a second, with sums of 48 terms as with longer ones.

#![expect(clippy::inline_always, reason = "compiled anew for registers of each width")]

use crate::in_wide_registers;
use std::array;

/// Rows and columns of a tile: its sums fill 12 of the 16 registers that a processor with AVX2 has.
pub const ROWS: usize = 6;
pub const LANES: usize = 16;

/// Some lines of each panel of a right matrix.
#[derive(Clone, Copy)]
pub struct Panels<'a> {
    numbers: &'a [[f32; LANES]],
    /// Lines of a panel.
    length: usize,
    first: usize,
    end: usize,
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

    #[inline(always)]
    fn enumerate(self) -> impl Iterator<Item = (usize, &'a [[f32; LANES]])> {
        self.numbers.chunks_exact(self.length).map(move |panel| &panel[self.first..self.end]).enumerate()
    }
}

/// Lines of numbers, of which the next begins `stride` numbers after the one before.
pub struct Block {
    numbers: Vec<f32>,
    stride: usize,
}

impl Block {
    /// Zeros, with room for a tile beyond the last line and column. So the lines begin in different parts of a cache.
    pub fn new(lines: usize, columns: usize) -> Self {
        let stride = columns.next_multiple_of(LANES) + LANES;
        Self { numbers: vec![0.0; lines.next_multiple_of(ROWS) * stride], stride }
    }

    pub fn line(&self, number: usize) -> &[f32] {
        &self.numbers[number * self.stride..][..self.stride]
    }

    pub fn line_mut(&mut self, number: usize) -> &mut [f32] {
        &mut self.numbers[number * self.stride..][..self.stride]
    }

    /// Lines for tiles that hold so many.
    pub fn tiles(&self, lines: usize) -> Vec<[&[f32]; ROWS]> {
        (0..lines).step_by(ROWS).map(|first| array::from_fn(|row| self.line(first + row))).collect()
    }

    /// Where the sums of a tile belong.
    #[inline(always)]
    fn place(&mut self, line: usize, panel: usize, row: usize) -> &mut [f32; LANES] {
        let place = &mut self.numbers[(line + row) * self.stride + panel * LANES..];
        place.first_chunk_mut().expect("there is room for a tile beyond the last line and column")
    }
}

/// The products of all tiles with all panels, written into `out` from line `first` on, or added to what is there.
///
/// Six rows by name and no index: so the compiler keeps the sums in registers, and checks nothing on the way.
#[inline(always)]
fn multiply(tiles: &[[&[f32]; ROWS]], right: Panels, out: &mut Block, first: usize, add: bool) {
    for (number, panel) in right.enumerate() {
        for (tile, rows) in tiles.iter().enumerate() {
            let [row0, row1, row2, row3, row4, row5] = rows.map(|row| &row[..panel.len()]);
            let [mut sums0, mut sums1, mut sums2, mut sums3, mut sums4, mut sums5] = [[0.0; LANES]; ROWS];
            let left = row0.iter().zip(row1).zip(row2).zip(row3).zip(row4).zip(row5);
            for ((((((left0, left1), left2), left3), left4), left5), line) in left.zip(panel) {
                let line = *line;
                add_product(&mut sums0, *left0, &line);
                add_product(&mut sums1, *left1, &line);
                add_product(&mut sums2, *left2, &line);
                add_product(&mut sums3, *left3, &line);
                add_product(&mut sums4, *left4, &line);
                add_product(&mut sums5, *left5, &line);
            }
            for (row, sums) in [sums0, sums1, sums2, sums3, sums4, sums5].iter().enumerate() {
                let place = out.place(first + tile * ROWS, number, row);
                if add {
                    add_product(place, 1.0, sums);
                } else {
                    *place = *sums;
                }
            }
        }
    }
}

/// The product of a transposed block, so many of its columns, with all panels, added to `out` from line `first` on.
#[inline(always)]
fn add_transposed(left: &Block, columns: usize, right: Panels, out: &mut Block, first: usize) {
    for column in (0..columns).step_by(ROWS) {
        for (number, panel) in right.enumerate() {
            let [mut sums0, mut sums1, mut sums2, mut sums3, mut sums4, mut sums5] = [[0.0; LANES]; ROWS];
            for (left, line) in left.numbers[column..].chunks(left.stride).zip(panel) {
                let line = *line;
                let left = &left[..ROWS];
                add_product(&mut sums0, left[0], &line);
                add_product(&mut sums1, left[1], &line);
                add_product(&mut sums2, left[2], &line);
                add_product(&mut sums3, left[3], &line);
                add_product(&mut sums4, left[4], &line);
                add_product(&mut sums5, left[5], &line);
            }
            for (row, sums) in [sums0, sums1, sums2, sums3, sums4, sums5].iter().enumerate() {
                add_product(out.place(first + column, number, row), 1.0, sums);
            }
        }
    }
}

#[inline(always)]
fn add_product(sums: &mut [f32; LANES], left: f32, line: &[f32; LANES]) {
    for (sum, right) in sums.iter_mut().zip(line) {
        *sum = left.mul_add(*right, *sum);
    }
}

in_wide_registers! {
    pub fn multiply_wide(tiles: &[[&[f32]; ROWS]], right: Panels, out: &mut Block, first: usize, add: bool) = multiply;
}

in_wide_registers! {
    pub fn add_transposed_wide(left: &Block, columns: usize, right: Panels, out: &mut Block, first: usize) = add_transposed;
}

#[cfg(test)]
mod tests {
    use super::*;

    type Multiply = fn(&[[&[f32]; ROWS]], Panels, &mut Block, usize, bool);
    type AddTransposed = fn(&Block, usize, Panels, &mut Block, usize);

    fn number(i: usize) -> f32 {
        (i as f32 * 12.9898).sin()
    }

    /// Two panels of 70 lines.
    fn right() -> Vec<[f32; LANES]> {
        (0..140).map(|i| array::from_fn(|lane| number(i * LANES + lane))).collect()
    }

    fn block(lines: usize, columns: usize) -> Block {
        let mut block = Block::new(lines, columns);
        for (i, place) in block.numbers.iter_mut().enumerate() {
            *place = number(i);
        }
        block
    }

    #[test]
    fn products_are_sums_of_products() {
        let (left, panels, before) = (block(48, 70), right(), block(18, 32));
        let right = Panels::new(&panels, 70).lines(5, 17); // 12 terms
        let [mut written, mut added, mut transposed] = [(); 3].map(|()| block(18, 32));
        multiply(&left.tiles(12), right, &mut written, 6, false);
        multiply(&left.tiles(12), right, &mut added, 6, true);
        add_transposed(&left, 12, right, &mut transposed, 6);
        for (row, column) in (0..12).flat_map(|row| (0..32).map(move |column| (row, column))) {
            let right = |k: usize| panels[column / LANES * 70 + 5 + k][column % LANES];
            let of_rows: f32 = (0..12).map(|k| left.line(row)[k] * right(k)).sum();
            let of_columns: f32 = (0..12).map(|k| left.line(k)[row] * right(k)).sum();
            let [written, added, transposed, before] =
                [&written, &added, &transposed, &before].map(|block| block.line(6 + row)[column]);
            for (ours, expected) in [(written, of_rows), (added, before + of_rows), (transposed, before + of_columns)] {
                assert!((ours - expected).abs() < 2e-6, "row {row}, column {column}: {ours}, not {expected}");
            }
        }
    }

    #[test]
    fn each_width_of_registers_gives_the_same_bits() {
        let (left, panels) = (block(12, 70), right());
        let right = Panels::new(&panels, 70).lines(5, 17);
        let results = |multiply: Multiply, add_transposed: AddTransposed| {
            let mut blocks = [(); 3].map(|()| block(24, 32));
            multiply(&left.tiles(12), right, &mut blocks[0], 0, false);
            multiply(&left.tiles(12), right, &mut blocks[1], 6, true);
            add_transposed(&left, 20, right, &mut blocks[2], 0);
            blocks.map(|block| block.numbers)
        };
        assert_eq!(results(multiply, add_transposed), results(multiply_wide, add_transposed_wide));
    }
}
