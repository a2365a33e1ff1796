//! Positions laid out as products read them: 16 side by side.

use crate::fast::{
    cpu::{
        simd::LANES,
        tensor_slice::{as_f32_slice, as_f32_slice_mut},
        threads::{parallel_for, parallel_for_with},
    },
    ops::tiles::{ROWS, Rows},
};
use tch::{Device, Kind, Tensor};

/// Outputs of a piece of work: whole tiles, whole panels, and with 768 inputs what a processor's cache holds.
pub const OUTPUTS: usize = 8 * ROWS;

/// Rows of which 16 lie side by side: `[rows / 16, width, 16]`. Beyond the end the last row is repeated.
pub struct Packed {
    pub memory: Tensor,
    pub rows: usize,
    pub width: usize,
}

impl Packed {
    /// Memory as it comes: zeros would be written only to be written over.
    pub fn empty(rows: usize, width: usize) -> Self {
        let size = rows.next_multiple_of(LANES) * width;
        Self { memory: Tensor::empty(size as i64, (Kind::Float, Device::Cpu)), rows, width }
    }

    pub fn out(x: Rows) -> Self {
        let mut packed = Self::empty(x.count, x.width);
        parallel_for(packed.panels_mut(), |(first, panel)| x.transpose(first, panel));
        packed
    }

    pub fn through(x: Rows, f: impl Fn(&[f32], &mut [f32]) + Sync) -> Self {
        let Rows { count, width, .. } = x;
        let mut packed = Self::empty(count, width);
        let tools = || vec![0.0; LANES * width];
        parallel_for_with(packed.panels_mut(), tools, |out, (first, panel)| {
            for (row, place) in (first..).zip(out.chunks_exact_mut(width)) {
                f(x.row(row.min(count - 1)), place);
            }
            Rows { numbers: out, stride: width, count: LANES, width }.transpose(0, panel);
        });
        packed
    }

    pub fn lines_mut(&mut self) -> &mut [[f32; LANES]] {
        as_f32_slice_mut(&mut self.memory).as_chunks_mut().0
    }

    /// Each panel, with the number of its first row.
    pub fn panels_mut(&mut self) -> Vec<(usize, &mut [[f32; LANES]])> {
        let width = self.width;
        (0..).step_by(LANES).zip(self.lines_mut().chunks_exact_mut(width)).collect()
    }
}

/// Of each row of outputs what belongs to a piece, for threads that write different pieces: so many rows, and so many outputs.
pub fn apart<T>(out: &mut [T], outputs: usize, rows: usize) -> Vec<Vec<&mut [T]>> {
    let pieces = out.chunks_mut(rows * outputs).flat_map(|some| {
        let mut apart: Vec<_> =
            (0..outputs).step_by(OUTPUTS).map(|_| Vec::with_capacity(rows)).collect();
        for row in some.chunks_exact_mut(outputs) {
            for (apart, outputs) in apart.iter_mut().zip(row.chunks_mut(OUTPUTS)) {
                apart.push(outputs);
            }
        }
        apart
    });
    pieces.collect()
}

/// A matrix as rows.
pub fn rows(matrix: &Tensor) -> Rows<'_> {
    let [count, width] = matrix.size()[..] else { panic!("not a matrix: {matrix:?}") };
    Rows {
        numbers: as_f32_slice(matrix),
        stride: width as usize,
        count: count as usize,
        width: width as usize,
    }
}
