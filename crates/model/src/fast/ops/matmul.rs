//! Products of large matrices, each of libtorch's threads making a part (chapter 4.4).
//!
//! libtorch leaves a product to MKL, which cuts it into one part for each thread, and a thread that is done waits for the slowest. Here
//! it is cut across the longer side of the result, into two parts for each thread where they are large enough, and who is done takes
//! the next one. On two cores of an AMD Zen 3 that made a step of training with 2 texts of 256 tokens 3 to 5 % shorter. On a processor
//! with AVX-512 MKL was measured at the processor's limit, and keeps its own way. The crate `gemm` reaches 0.8 to 1.3 of MKL's
//! speed there, by the shape of the product, and 0.8 to 1.0 in registers of 8 (fastest of 15, two threads of an Intel Xeon): no reason
//! for one more library.
//!
//! `cargo xtask bench train --only train-2x256` measures it.

use crate::fast::cpu::{
    simd::lanes,
    threads::{are_libtorchs, parallel_for},
};
use tch::Tensor;

/// Rows or columns of a part: in smaller ones MKL would spend its time on bringing the other matrix into order.
const LEAST: i64 = 384;

/// Writes the product into `out`.
///
/// # Shapes
/// - `out`: `[rows, columns]`, `left`: `[rows, terms]`, `right`: `[terms, columns]`
///
/// # Panics
/// If the shapes do not fit each other.
pub fn matmul(out: &Tensor, left: &Tensor, right: &Tensor) {
    in_parts(out, left, right, |out, left, right| drop(left.mm_out(out, right)));
}

/// Adds the product to `out`.
///
/// # Shapes
/// As in [`matmul`].
///
/// # Panics
/// As [`matmul`].
pub fn matmul_add(out: &Tensor, left: &Tensor, right: &Tensor) {
    in_parts(out, left, right, |out, left, right| drop(out.shallow_clone().addmm_(left, right)));
}

/// Lets each thread multiply for its parts of the longer side of `out`, and MKL find itself among threads that are all at work.
fn in_parts(
    out: &Tensor,
    left: &Tensor,
    right: &Tensor,
    multiply: impl Fn(&Tensor, &Tensor, &Tensor) + Sync,
) {
    let shape = |matrix: &Tensor| -> [i64; 2] { matrix.size().try_into().expect("a matrix") };
    let ([rows, columns], [left_rows, terms], [right_rows, right_columns]) =
        (shape(out), shape(left), shape(right));
    assert_eq!(
        [rows, terms, columns],
        [left_rows, right_rows, right_columns],
        "the matrices do not fit each other"
    );
    let (side, dim) = if rows > columns { (rows, 0) } else { (columns, 1) };
    let starts = starts(side);
    if starts.len() == 1 {
        return multiply(out, left, right);
    }
    let ends = starts.iter().skip(1).copied().chain([side]);
    let parts = starts.iter().zip(ends).map(|(&start, end)| {
        let own = |matrix: &Tensor| matrix.narrow(dim, start, end - start);
        let factors = if dim == 0 {
            (own(left), right.shallow_clone())
        } else {
            (left.shallow_clone(), own(right))
        };
        (own(out), factors)
    });
    parallel_for(parts.collect(), |(out, (left, right))| {
        let _guard = tch::no_grad_guard(); // each thread has its own
        multiply(&out, &left, &right);
    });
}

/// Where the parts of a side begin; a single one where MKL does better by itself.
fn starts(side: i64) -> Vec<i64> {
    let threads = i64::from(tch::get_num_threads());
    let parts = if threads > 1 && are_libtorchs() && lanes() < 16 {
        (side / LEAST).min(2 * threads)
    } else {
        1
    };
    let parts = if parts < threads { 1 } else { parts };
    (0..parts).map(|part| side * part / parts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn parts_make_the_whole_product() {
        let drawn = |rows: i64, columns: i64| {
            (Tensor::arange(rows * columns, (Kind::Float, Device::Cpu)) * 12.9898)
                .sin()
                .view([rows, columns])
        };
        tch::set_num_threads(2);
        // Wide, high, and so narrow that there is nothing to share; the right matrix as it is and as the transpose of another.
        for (rows, terms, columns) in [(5, 7, 1633), (1740, 3, 9), (769, 2, 769), (1, 4, 1)] {
            let left = drawn(rows, terms);
            for right in [drawn(terms, columns), drawn(columns, terms).tr()] {
                let expected = left.to_kind(Kind::Double).mm(&right.to_kind(Kind::Double));
                let out = drawn(rows, columns);
                let sum = &out + &expected;
                matmul_add(&out, &left, &right);
                assert!(
                    (&out - sum).abs().max().double_value(&[]) < 1e-5,
                    "added: {rows} x {terms} x {columns}"
                );
                matmul(&out, &left, &right);
                assert!(
                    (&out - expected).abs().max().double_value(&[]) < 1e-5,
                    "written: {rows} x {terms} x {columns}"
                );
            }
        }
    }

    #[test]
    #[should_panic(expected = "the matrices do not fit each other")]
    fn matrices_that_do_not_fit_are_refused() {
        let square = |side: i64| Tensor::zeros([side, side], (Kind::Float, Device::Cpu));
        matmul(&square(2), &square(2), &square(3));
    }
}
