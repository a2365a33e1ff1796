//! Rows and columns exchanged.

#[cfg(target_arch = "x86_64")]
mod avx2;

use super::simd::{LANES, lanes};

/// Writes the columns of 16 rows as lines.
///
/// # Shapes
/// - `rows`: each at least as long as there are lines
/// - `lines`: `[width, 16]`
///
/// # Panics
/// If a row is too short.
pub fn transpose(rows: &[&[f32]; LANES], lines: &mut [[f32; LANES]]) {
    #[cfg(target_arch = "x86_64")]
    if lanes() >= 8 {
        #[expect(
            unsafe_code,
            reason = "that the processor has the instructions is known only when the program runs"
        )]
        // SAFETY: the line above.
        return unsafe { avx2::transpose(rows, lines) };
    }
    for (column, line) in lines.iter_mut().enumerate() {
        *line = rows.map(|row| row[column]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fast::cpu::simd::{narrowed, widths};
    use std::array;

    #[test]
    fn columns_become_lines() {
        // A square and a rest.
        let rows: [[f32; 11]; LANES] =
            array::from_fn(|row| array::from_fn(|column| (100 * row + column) as f32));
        let expected: [[f32; LANES]; 11] = array::from_fn(|column| rows.map(|row| row[column]));
        for width in widths() {
            let mut lines = [[0.0; LANES]; 11];
            narrowed(width, || transpose(&rows.each_ref().map(|row| &row[..]), &mut lines));
            assert_eq!(lines, expected, "registers of {width}");
        }
    }
}
