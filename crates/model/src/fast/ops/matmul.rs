//! Products of large matrices, each of libtorch's threads making a part (chapter 4.4).
//!
//! libtorch leaves a product to MKL, which cuts it into one part for each thread, and a thread that is done waits for the slowest. Here
//! it is cut across the longer side of the result, into two parts for each thread where they are large enough, and who is done takes
//! the next one. On two cores of an AMD Zen 3 that made a step of training with 2 texts of 256 tokens 3 to 5 % shorter. On a processor
//! with AVX-512 MKL was measured at the processor's limit, and keeps its own way. The crate `gemm` reaches 0.8 to 1.3 of MKL's
//! speed there, by the shape of the product, and 0.8 to 1.0 in registers of 8 (fastest of 15, two threads of an Intel Xeon): no reason
//! for one more library.
//!
//! Factors in bfloat16 go to oneDNN, which has processors multiply them in units of their own: AMX on an Intel Xeon, which made a
//! product of 512 x 768 x 3,072 six times as fast there. Such a unit sums in float32 and hands the sums out in bfloat16 again, as
//! libtorch has no product of the one that gives the other on a CPU; here they become float32 where they belong.
//!
//! `cargo xtask bench train --only train-2x256` measures it.

use crate::{
    fast::cpu::{
        bf16::{self, Bf16},
        simd::lanes,
        tensor_slice::with_slices_of,
        threads::{are_libtorchs, parallel_for},
    },
    multiversion,
};
use tch::{Kind, Tensor};

/// Rows or columns of a part: in smaller ones MKL would spend its time on bringing the other matrix into order.
const LEAST: i64 = 384;
/// Sums that are brought to float32 together.
const PIECE: usize = 1 << 14;

/// Writes the product into `out`.
///
/// # Shapes
/// - `out`: `[rows, columns]`, in float32
/// - `left`: `[rows, terms]`, `right`: `[terms, columns]`, both in float32 or both in bfloat16
///
/// # Panics
/// If the shapes do not fit each other.
pub fn matmul(out: &Tensor, left: &Tensor, right: &Tensor) {
    if left.kind() == Kind::BFloat16 {
        return give(&left.mm(right), out, false);
    }
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
    if left.kind() == Kind::BFloat16 {
        return give(&left.mm(right), out, true);
    }
    in_parts(out, left, right, |out, left, right| drop(out.shallow_clone().addmm_(left, right)));
}

/// The product in the type of its factors, into new memory.
///
/// # Shapes
/// As in [`matmul`], which is what this returns the `out` of.
///
/// # Panics
/// As [`matmul`].
pub fn product(left: &Tensor, right: &Tensor) -> Tensor {
    if left.kind() == Kind::BFloat16 {
        return left.mm(right);
    }
    let out = Tensor::empty([left.size()[0], right.size()[1]], (left.kind(), left.device()));
    matmul(&out, left, right);
    out
}

/// Writes sums in bfloat16 into `out`, or adds them to what is there.
fn give(sums: &Tensor, out: &Tensor, add: bool) {
    assert_eq!(sums.size(), out.size(), "the matrices do not fit each other");
    with_slices_of([sums], [&mut out.shallow_clone()], |[sums]: [&[Bf16]; 1], [out]| {
        let pieces = sums.chunks(PIECE).zip(out.chunks_mut(PIECE)).collect();
        parallel_for(pieces, |(sums, out): (&[Bf16], &mut [f32])| widen_simd(sums, out, add));
    });
}

#[expect(clippy::inline_always, reason = "compiled anew for registers of each width")]
#[inline(always)]
fn widen(sums: &[Bf16], out: &mut [f32], add: bool) {
    let places = out.iter_mut().zip(sums);
    if add {
        places.for_each(|(out, sum)| *out += bf16::widen(*sum));
    } else {
        places.for_each(|(out, sum)| *out = bf16::widen(*sum));
    }
}

multiversion! {
    fn widen_simd(sums: &[Bf16], out: &mut [f32], add: bool) = widen;
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
    fn factors_in_bfloat16_make_the_product_to_two_digits() {
        let drawn = |rows: i64, columns: i64| {
            let numbers = Tensor::arange(rows * columns, (Kind::Float, Device::Cpu)) * 12.9898;
            numbers.sin().view([rows, columns]).to_kind(Kind::BFloat16)
        };
        let (left, right) = (drawn(70, 130), drawn(90, 130).tr());
        let expected = left.to_kind(Kind::Double).mm(&right.to_kind(Kind::Double));
        let out = Tensor::full([70, 90], 0.25, (Kind::Float, Device::Cpu));
        let norm = |x: &Tensor| x.norm().double_value(&[]);
        matmul_add(&out, &left, &right);
        let gap = norm(&(&out - 0.25 - &expected)) / norm(&expected);
        assert!(gap < 4e-3, "added: {gap:e} of the norm");
        matmul(&out, &left, &right);
        let gap = norm(&(&out - &expected)) / norm(&expected);
        assert!(gap < 4e-3, "written: {gap:e} of the norm");
    }

    #[test]
    #[should_panic(expected = "the matrices do not fit each other")]
    fn matrices_that_do_not_fit_are_refused() {
        let square = |side: i64| Tensor::zeros([side, side], (Kind::Float, Device::Cpu));
        matmul(&square(2), &square(2), &square(3));
    }
}
