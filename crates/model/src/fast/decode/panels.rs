//! Positions laid out as products read them: 16 side by side.
//!
//! For what the [layers of a prompt](super::linear) gain.

use crate::fast::{
    cpu::{
        simd::LANES,
        tensor_slice::with_slices,
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

    pub fn out(x: &Tensor) -> Self {
        let [count, width] = sizes(x);
        let mut packed = Self::empty(count, width);
        with_slices([x], [&mut packed.memory], |[x], [memory]| {
            let x = Rows::matrix(x, [count, width]);
            parallel_for(panels(memory, width), |(first, panel)| x.transpose(first, panel));
        });
        packed
    }

    pub fn through(x: &Tensor, f: impl Fn(&[f32], &mut [f32]) + Sync) -> Self {
        let [count, width] = sizes(x);
        let mut packed = Self::empty(count, width);
        let tools = || vec![0.0; LANES * width];
        with_slices([x], [&mut packed.memory], |[x], [memory]| {
            let x = Rows::matrix(x, [count, width]);
            parallel_for_with(panels(memory, width), tools, |out, (first, panel)| {
                for (row, place) in (first..).zip(out.chunks_exact_mut(width)) {
                    f(x.row(row.min(count - 1)), place);
                }
                Rows::matrix(out, [LANES, width]).transpose(0, panel);
            });
        });
        packed
    }
}

/// Each panel, with the number of its first row.
fn panels(memory: &mut [f32], width: usize) -> Vec<(usize, &mut [[f32; LANES]])> {
    let lines = memory.as_chunks_mut().0;
    (0..).step_by(LANES).zip(lines.chunks_exact_mut(width)).collect()
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

/// How many rows a matrix has, and how many columns.
///
/// # Panics
/// If it is none.
pub fn sizes(matrix: &Tensor) -> [usize; 2] {
    let [rows, columns] = matrix.size()[..] else { panic!("not a matrix: {matrix:?}") };
    [rows as usize, columns as usize]
}
