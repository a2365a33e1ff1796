//! What AVX2 and AVX-512 have in common: kernels written once, for registers of either width.

/// The products of a few rows with `x` in 32-bit arithmetic, at one level of vector instructions: `$load` brings numbers of a row
/// into a register. A row is read by the 64 bytes that come from memory together.
macro_rules! dot {
    ($name:ident, $number:ty, $lanes:literal, $load:ident, $features:literal, $zero:ident, $multiply_add:ident, $sum:ident) => {
        #[target_feature(enable = $features)]
        pub fn $name<const ROWS: usize>(rows: &[$number], x: &[f32]) -> [f32; ROWS] {
            const LINE: usize = 64 / size_of::<$number>();
            let (x_lines, x_rest) = x.as_chunks::<LINE>();
            let rows: [_; ROWS] = apart(rows, x.len(), x.len());
            let mut sums = [$zero(); ROWS];
            for (i, x) in x_lines.iter().enumerate() {
                for (number, (sum, row)) in sums.iter_mut().zip(rows).enumerate() {
                    prefetch(rows[0], ROWS * row.len() + (i * ROWS + number) * LINE);
                    let line = &row.as_chunks::<LINE>().0[i];
                    for (numbers, x) in line.as_chunks::<$lanes>().0.iter().zip(x.as_chunks().0) {
                        *sum = $multiply_add($load(numbers), load(x), *sum);
                    }
                }
            }
            let mut out = [0.0; ROWS];
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = $sum(sum);
            }
            if !x_rest.is_empty() {
                for (out, row) in out.iter_mut().zip(rows) {
                    *out += plain::$name::<1>(row.as_chunks::<LINE>().1, x_rest)[0];
                }
            }
            out
        }
    };
}

/// Functions that take numbers into a register, or a register's numbers out of it.
///
/// The intrinsics that load and store by an address check it, where debug assertions are on, for each register anew, and bring the
/// numbers by way of the stack: with them the kernels took up to four times as long.
macro_rules! bring {
    ($features:literal, $($name:ident: $from:ty => $to:ty),*) => {
        $(
            #[target_feature(enable = $features)]
            fn $name(numbers: &$from) -> $to {
                // SAFETY: types of one size, or this does not compile, and any bits are numbers.
                unsafe { mem::transmute::<$from, $to>(*numbers) }
            }
        )*
    };
}

/// Adds rows, each times its weight, at one level of vector instructions, of `$lanes` numbers each.
macro_rules! weighted_sum {
    ($lanes:literal, $features:literal, $all:ident, $multiply_add:ident) => {
        #[target_feature(enable = $features)]
        pub fn weighted_sum<const ROWS: usize>(
            weights: &[f32; ROWS],
            rows: &[f32],
            stride: usize,
            out: &mut [f32],
        ) {
            let rows: [_; ROWS] = apart(rows, stride, out.len());
            let (out_chunks, out_rest) = out.as_chunks_mut::<$lanes>();
            for (i, out) in out_chunks.iter_mut().enumerate() {
                let mut sum = load(out);
                for (row, weight) in rows.iter().zip(weights) {
                    let numbers = &row.as_chunks().0[i];
                    prefetch(numbers, ROWS * stride);
                    sum = $multiply_add(load(numbers), $all(*weight), sum);
                }
                *out = store(&sum);
            }
            for (i, out) in out_rest.iter_mut().enumerate() {
                for (row, weight) in rows.iter().zip(weights) {
                    // As above, so that it does not matter where a worker's outputs end.
                    *out = row.as_chunks::<$lanes>().1[i].mul_add(*weight, *out);
                }
            }
        }
    };
}
