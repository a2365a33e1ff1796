//! Products of matrices of which a library would first copy more than it has to.
//!
//! A product is made in tiles of 6 rows by 16 columns, whose sums stay in registers from the first term to the last. The right
//! matrix is laid out in panels for that: 16 columns, line after line. On one core of an AMD Zen 3, which can do 102 billion operations
//! in a second, such tiles do 94 to 98 with sums of 256 terms and more.
//!
//! [Attention](super::flash_attention) is made of them: `cargo xtask bench train --only train-4x1024` measures it.

#![expect(clippy::inline_always, reason = "compiled anew for registers of each width")]

use super::tiles::{Panels, ROWS, Rows, Tile};
use crate::{fast::cpu::simd::LANES, multiversion};

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

    /// So many lines from the first on, and so many columns of them.
    pub fn rows(&self, count: usize, width: usize) -> Rows<'_> {
        Rows { numbers: &self.numbers, stride: self.stride, count, width }
    }

    /// Writes the sums of a tile where they belong, or adds them to what is there.
    #[inline(always)]
    fn keep(
        &mut self,
        line: usize,
        panel: usize,
        [sums0, sums1, sums2, sums3, sums4, sums5]: [&[f32; LANES]; ROWS],
        add: bool,
    ) {
        store(self.place(line, panel), sums0, add);
        store(self.place(line + 1, panel), sums1, add);
        store(self.place(line + 2, panel), sums2, add);
        store(self.place(line + 3, panel), sums3, add);
        store(self.place(line + 4, panel), sums4, add);
        store(self.place(line + 5, panel), sums5, add);
    }

    #[inline(always)]
    fn place(&mut self, line: usize, panel: usize) -> &mut [f32; LANES] {
        let place = &mut self.numbers[line * self.stride + panel * LANES..];
        place.first_chunk_mut().expect("there is room for a tile beyond the last line and column")
    }
}

/// Writes sums into a place, or adds them to what is there.
#[inline(always)]
fn store(place: &mut [f32; LANES], sums: &[f32; LANES], add: bool) {
    if add {
        multiply_add(place, 1.0, sums);
    } else {
        *place = *sums;
    }
}

/// The products of all tiles with all panels, written into `out` from line `first` on, or added to what is there.
///
/// Six rows by name and no index: so the compiler keeps the sums in registers, and checks nothing on the way.
#[inline(always)]
fn multiply(tiles: &[Tile], right: Panels, out: &mut Block, first: usize, add: bool) {
    let terms = right.end - right.first;
    assert!(tiles.iter().flatten().all(|row| row.len() >= terms), "a tile's rows are too short");
    for (number, panel) in right.enumerate() {
        for (tile, [row0, row1, row2, row3, row4, row5]) in tiles.iter().enumerate() {
            let [mut sums0, mut sums1, mut sums2, mut sums3, mut sums4, mut sums5] =
                [[0.0; LANES]; ROWS];
            let left = row0.iter().zip(*row1).zip(*row2).zip(*row3).zip(*row4).zip(*row5);
            for ((((((left0, left1), left2), left3), left4), left5), line) in left.zip(panel) {
                let line = *line;
                multiply_add(&mut sums0, *left0, &line);
                multiply_add(&mut sums1, *left1, &line);
                multiply_add(&mut sums2, *left2, &line);
                multiply_add(&mut sums3, *left3, &line);
                multiply_add(&mut sums4, *left4, &line);
                multiply_add(&mut sums5, *left5, &line);
            }
            out.keep(
                first + tile * ROWS,
                number,
                [&sums0, &sums1, &sums2, &sums3, &sums4, &sums5],
                add,
            );
        }
    }
}

/// The product of a transposed block, so many of its columns, with all panels, added to `out` from line `first` on.
#[inline(always)]
fn add_transposed(left: &Block, columns: usize, right: Panels, out: &mut Block, first: usize) {
    for column in (0..columns).step_by(ROWS) {
        for (number, panel) in right.enumerate() {
            let [mut sums0, mut sums1, mut sums2, mut sums3, mut sums4, mut sums5] =
                [[0.0; LANES]; ROWS];
            for (left, line) in left.numbers[column..].chunks(left.stride).zip(panel) {
                let line = *line;
                let left = &left[..ROWS];
                multiply_add(&mut sums0, left[0], &line);
                multiply_add(&mut sums1, left[1], &line);
                multiply_add(&mut sums2, left[2], &line);
                multiply_add(&mut sums3, left[3], &line);
                multiply_add(&mut sums4, left[4], &line);
                multiply_add(&mut sums5, left[5], &line);
            }
            out.keep(
                first + column,
                number,
                [&sums0, &sums1, &sums2, &sums3, &sums4, &sums5],
                true,
            );
        }
    }
}

#[inline(always)]
fn multiply_add(sums: &mut [f32; LANES], left: f32, line: &[f32; LANES]) {
    for (sum, right) in sums.iter_mut().zip(line) {
        *sum = left.mul_add(*right, *sum);
    }
}

multiversion! {
    pub fn multiply_simd(tiles: &[Tile], right: Panels, out: &mut Block, first: usize, add: bool) = multiply;
}

multiversion! {
    pub fn add_transposed_simd(left: &Block, columns: usize, right: Panels, out: &mut Block, first: usize) = add_transposed;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fast::cpu::simd::{narrowed, widths};
    use std::array;

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
        multiply(&left.rows(12, 70).tiles(0, 12), right, &mut written, 6, false);
        multiply(&left.rows(12, 70).tiles(0, 12), right, &mut added, 6, true);
        add_transposed(&left, 12, right, &mut transposed, 6);
        for (row, column) in (0..12).flat_map(|row| (0..32).map(move |column| (row, column))) {
            let right = |k: usize| panels[column / LANES * 70 + 5 + k][column % LANES];
            let of_rows: f32 = (0..12).map(|k| left.line(row)[k] * right(k)).sum();
            let of_columns: f32 = (0..12).map(|k| left.line(k)[row] * right(k)).sum();
            let [written, added, transposed, before] =
                [&written, &added, &transposed, &before].map(|block| block.line(6 + row)[column]);
            for (ours, expected) in
                [(written, of_rows), (added, before + of_rows), (transposed, before + of_columns)]
            {
                assert!(
                    (ours - expected).abs() < 2e-6,
                    "row {row}, column {column}: {ours}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn each_width_of_registers_gives_the_same_bits() {
        let (left, panels) = (block(12, 70), right());
        let right = Panels::new(&panels, 70).lines(5, 17);
        let results = || {
            let mut blocks = [(); 3].map(|()| block(24, 32));
            multiply_simd(&left.rows(12, 70).tiles(0, 12), right, &mut blocks[0], 0, false);
            multiply_simd(&left.rows(12, 70).tiles(0, 12), right, &mut blocks[1], 6, true);
            add_transposed_simd(&left, 20, right, &mut blocks[2], 0);
            blocks.map(|block| block.numbers)
        };
        for width in widths() {
            assert_eq!(narrowed(width, results), narrowed(1, results), "registers of {width}");
        }
    }
}
