//! Products of rows with a vector by the processor's vector instructions. This room and [`plain`](crate::plain) are those of this
//! crate with `unsafe` in them.
//!
//! Decoding a token reads every weight once and does two operations with it, so that the kernels have to keep up with the memory and
//! no more: four rows at a time, each in one register of sums, and the next four asked for in advance. That request alone took
//! decoding the 124M model from 114 to 185 tokens a second in 8 bits, from 70 to 98 in bfloat16, and from 47 to 57 in float32.
//! There are three levels, AVX-512, AVX2, and plain code for every other processor; [`Kernels::available`] lists what the processor
//! at hand can run, and a test holds each against the plain one.
//!
//! Vector instructions may run only where the processor has them: a [`Kernels`] of a level is made only after asking it.

#![expect(unsafe_code, reason = "vector instructions cannot be reached otherwise")]

use super::weights::{BLOCK, LANE, Quantised};

/// Fills `out` by the kernel of that name at the level of `$kernels`; `$at` gives what begins at a row.
macro_rules! dispatch {
    ($kernels:ident, $kernel:ident, $at:ident, $x:ident, $out:ident) => {
        match $kernels.0 {
            Level::Plain => {
                in_fours($out, |row| plain::$kernel::<4>($at(row), $x), |row| plain::$kernel::<1>($at(row), $x))
            }
            // SAFETY: this level exists only where the processor has its instructions.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => in_fours(
                $out,
                |row| unsafe { avx2::$kernel::<4>($at(row), $x) },
                |row| unsafe { avx2::$kernel::<1>($at(row), $x) },
            ),
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => in_fours(
                $out,
                |row| unsafe { avx512::$kernel::<4>($at(row), $x) },
                |row| unsafe { avx512::$kernel::<1>($at(row), $x) },
            ),
        }
    };
}

/// The products of a few rows with `x` in 32-bit arithmetic, at one level of vector instructions: `$load` brings numbers of a row
/// into a register.
#[cfg(target_arch = "x86_64")]
macro_rules! dot {
    ($name:ident, $number:ty, $load:ident, $features:literal, $zero:ident, $multiply_add:ident, $sum:ident) => {
        #[target_feature(enable = $features)]
        pub fn $name<const ROWS: usize>(rows: &[$number], x: &[f32]) -> [f32; ROWS] {
            let inputs = x.len();
            let (x_chunks, x_rest) = x.as_chunks();
            let rows: [_; ROWS] = array::from_fn(|row| rows[row * inputs..][..inputs].as_chunks());
            let mut sums = [$zero(); ROWS];
            for (i, x) in x_chunks.iter().enumerate() {
                let x = load(x);
                for (sum, (chunks, _)) in sums.iter_mut().zip(&rows) {
                    ahead(&chunks[i], ROWS * inputs);
                    *sum = $multiply_add($load(&chunks[i]), x, *sum);
                }
            }
            array::from_fn(|row| $sum(sums[row]) + plain::$name::<1>(rows[row].1, x_rest)[0])
        }
    };
}

/// Adds rows, each times its weight, at one level of vector instructions, of `$lanes` numbers each.
#[cfg(target_arch = "x86_64")]
macro_rules! mix {
    ($lanes:literal, $features:literal, $all:ident, $multiply_add:ident, $store:ident) => {
        #[target_feature(enable = $features)]
        pub fn mix<const ROWS: usize>(weights: &[f32; ROWS], rows: &[f32], stride: usize, out: &mut [f32]) {
            let rows: [_; ROWS] = array::from_fn(|row| rows[row * stride..][..out.len()].as_chunks());
            let (out_chunks, out_rest) = out.as_chunks_mut::<$lanes>();
            for (i, out) in out_chunks.iter_mut().enumerate() {
                let mut sum = load(out);
                for ((chunks, _), weight) in rows.iter().zip(weights) {
                    ahead(&chunks[i], ROWS * stride);
                    sum = $multiply_add(load(&chunks[i]), $all(*weight), sum);
                }
                // SAFETY: the reference guarantees a register of writable numbers, and this store needs no alignment.
                unsafe { $store(out.as_mut_ptr(), sum) };
            }
            for (i, out) in out_rest.iter_mut().enumerate() {
                for ((_, rest), weight) in rows.iter().zip(weights) {
                    *out = rest[i].mul_add(*weight, *out); // as above, so that it does not matter where a worker's outputs end
                }
            }
        }
    };
}

/// The kernels of one level of vector instructions, which this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels(Level);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernels {
    /// All that this processor can run, the plain ones first and the fastest last.
    pub fn available() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "nothing is added there"))]
        let mut levels = vec![Self(Level::Plain)];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            levels.push(Self(Level::Avx2));
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni") {
                levels.push(Self(Level::Avx512));
            }
        }
        levels
    }

    /// The fastest that this processor can run.
    pub fn fastest() -> Self {
        Self::available().pop().unwrap_or(Self(Level::Plain))
    }

    /// The product of each row with `x`.
    ///
    /// # Shapes
    /// - `rows`: `[outputs, inputs]`, `x`: `[inputs]`, `out`: `[outputs]`
    ///
    /// # Panics
    /// If the sizes do not fit each other.
    pub fn dot_f32(self, rows: &[f32], x: &[f32], out: &mut [f32]) {
        assert_eq!(rows.len(), out.len() * x.len(), "rows are not as many as outputs, or not as long as x");
        let at = |row: usize| &rows[row * x.len()..];
        dispatch!(self, f32, at, x, out);
    }

    /// The same with rows in bfloat16, the upper halves of 32-bit numbers. All arithmetic is in 32 bits.
    ///
    /// # Shapes
    /// As in [`dot_f32`](Self::dot_f32).
    ///
    /// # Panics
    /// As in [`dot_f32`](Self::dot_f32).
    pub fn dot_bf16(self, rows: &[u16], x: &[f32], out: &mut [f32]) {
        assert_eq!(rows.len(), out.len() * x.len(), "rows are not as many as outputs, or not as long as x");
        let at = |row: usize| &rows[row * x.len()..];
        dispatch!(self, bf16, at, x, out);
    }

    /// The same with rows and vector in 8 bits: sums of four products are exact whole numbers, and are then scaled and added in
    /// 32-bit arithmetic.
    ///
    /// # Shapes
    /// - `rows`: `[outputs, inputs]`, weights plus 128; `inputs` is a multiple of [`BLOCK`]
    /// - `scales`: `[outputs, inputs / BLOCK]`
    /// - `out`: `[outputs]`
    ///
    /// # Panics
    /// If the sizes do not fit each other.
    pub fn dot_int8(self, rows: &[u8], scales: &[f32], x: &Quantised, out: &mut [f32]) {
        let (inputs, blocks) = (x.values.len(), x.values.len() / BLOCK);
        assert_eq!(inputs % BLOCK, 0, "the inputs do not fill their last block");
        assert_eq!([x.offsets.len(), x.scales.len()], [inputs / LANE; 2], "a lane lacks its offset or its scale");
        assert_eq!(rows.len(), out.len() * inputs, "rows are not as many as outputs, or not as long as x");
        assert_eq!(scales.len(), out.len() * blocks, "a block lacks its scale");
        let at = |row: usize| (&rows[row * inputs..], &scales[row * blocks..]);
        dispatch!(self, int8, at, x, out);
    }

    /// The sum of all rows, each times its weight: what attention makes of the values, and the product of a vector with a matrix that
    /// is stored as `[inputs, outputs]`.
    ///
    /// # Shapes
    /// - `weights`: `[rows]`, `out`: `[D]`
    /// - `rows`: `[rows, D]`, where the next row begins `stride` numbers after the one before
    ///
    /// # Panics
    /// If the sizes do not fit each other.
    pub fn mix(self, weights: &[f32], rows: &[f32], stride: usize, out: &mut [f32]) {
        let needed = weights.len().checked_sub(1).map_or(0, |before| before * stride + out.len());
        assert_eq!(rows.len(), needed, "rows are not as many as weights, or not as long as out");
        out.fill(0.0);
        let (eights, rest) = weights.as_chunks::<8>();
        for (i, weights) in eights.iter().enumerate() {
            self.mix_some(weights, &rows[8 * i * stride..], stride, out);
        }
        for (i, weight) in rest.iter().enumerate() {
            self.mix_some(&[*weight], &rows[(8 * eights.len() + i) * stride..], stride, out);
        }
    }

    fn mix_some<const ROWS: usize>(self, weights: &[f32; ROWS], rows: &[f32], stride: usize, out: &mut [f32]) {
        match self.0 {
            Level::Plain => plain::mix(weights, rows, stride, out),
            // SAFETY: this level exists only where the processor has its instructions.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { avx2::mix(weights, rows, stride, out) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512::mix(weights, rows, stride, out) },
        }
    }
}

/// Fills `out` four rows at a time, and the rest one by one.
fn in_fours(out: &mut [f32], four: impl Fn(usize) -> [f32; 4], one: impl Fn(usize) -> [f32; 1]) {
    let (fours, rest) = out.as_chunks_mut();
    for (chunk, out) in fours.iter_mut().enumerate() {
        *out = four(4 * chunk);
    }
    let done = 4 * fours.len();
    for (row, out) in rest.iter_mut().enumerate() {
        [*out] = one(done + row);
    }
}

/// The kernels for every processor; what the others must equal.
mod plain {
    use super::{BLOCK, LANE, Quantised};
    use std::array;

    /// Lanes of sums that the compiler can keep in vector registers of any processor.
    const SUMS: usize = 8;

    pub fn f32<const ROWS: usize>(rows: &[f32], x: &[f32]) -> [f32; ROWS] {
        dot(rows, x, |w| w)
    }

    pub fn bf16<const ROWS: usize>(rows: &[u16], x: &[f32]) -> [f32; ROWS] {
        dot(rows, x, widen)
    }

    fn dot<W: Copy, const ROWS: usize>(rows: &[W], x: &[f32], widen: impl Fn(W) -> f32) -> [f32; ROWS] {
        array::from_fn(|row| {
            let (chunks, rest) = rows[row * x.len()..][..x.len()].as_chunks::<SUMS>();
            let (x_chunks, x_rest) = x.as_chunks::<SUMS>();
            let mut sums = [0.0; SUMS];
            for (w, x) in chunks.iter().zip(x_chunks) {
                for lane in 0..SUMS {
                    sums[lane] += widen(w[lane]) * x[lane];
                }
            }
            sums.iter().sum::<f32>() + rest.iter().zip(x_rest).map(|(&w, x)| widen(w) * x).sum::<f32>()
        })
    }

    /// A bfloat16 as the 32-bit number whose upper half it is.
    pub fn widen(half: u16) -> f32 {
        f32::from_bits(u32::from(half) << 16)
    }

    pub fn int8<const ROWS: usize>((rows, scales): (&[u8], &[f32]), x: &Quantised) -> [f32; ROWS] {
        let inputs = x.values.len();
        array::from_fn(|row| {
            let lanes = rows[row * inputs..][..inputs].as_chunks::<LANE>().0.iter().zip(x.values.as_chunks::<LANE>().0);
            let mut sum = 0.0;
            for (lane, (w, values)) in lanes.enumerate() {
                let products: i32 = w.iter().zip(values).map(|(&w, &x)| i32::from(w) * i32::from(x)).sum();
                let scale = scales[row * (inputs / BLOCK) + lane * LANE / BLOCK] * x.scales[lane];
                sum += (products + x.offsets[lane]) as f32 * scale;
            }
            sum
        })
    }

    pub fn mix<const ROWS: usize>(weights: &[f32; ROWS], rows: &[f32], stride: usize, out: &mut [f32]) {
        for (row, weight) in weights.iter().enumerate() {
            for (out, value) in out.iter_mut().zip(&rows[row * stride..]) {
                *out += weight * value;
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{BLOCK, Quantised, plain};
    #[allow(clippy::wildcard_imports, reason = "two dozen instructions, whose names say where they come from")]
    use std::arch::x86_64::*;
    use std::array;

    #[target_feature(enable = "avx512f")]
    fn load(numbers: &[f32; 16]) -> __m512 {
        // SAFETY: the reference guarantees 64 readable bytes, and this load needs no alignment.
        unsafe { _mm512_loadu_ps(numbers.as_ptr()) }
    }

    #[target_feature(enable = "avx512f")]
    fn load_whole<T>(numbers: &[T]) -> __m512i {
        assert_eq!(size_of_val(numbers), 64);
        // SAFETY: just checked: the slice has 64 readable bytes; this load needs no alignment, and any bits are whole numbers.
        unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) }
    }

    /// Asks for what lies so many rows further on: the processor by itself looks no further than the end of a page.
    #[target_feature(enable = "avx512f")]
    fn ahead<T>(chunk: &[T], numbers: usize) {
        _mm_prefetch::<_MM_HINT_T0>(chunk.as_ptr().wrapping_add(numbers).cast()); // reads nothing, wherever the address points
    }

    #[target_feature(enable = "avx512f")]
    fn load_halves(numbers: &[u16; 16]) -> __m512 {
        // SAFETY: the reference guarantees 32 readable bytes, and this load needs no alignment.
        let halves = unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) };
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
    }

    dot!(f32, f32, load, "avx512f", _mm512_setzero_ps, _mm512_fmadd_ps, _mm512_reduce_add_ps);
    dot!(bf16, u16, load_halves, "avx512f", _mm512_setzero_ps, _mm512_fmadd_ps, _mm512_reduce_add_ps);
    mix!(16, "avx512f", _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps);

    #[target_feature(enable = "avx512f,avx512vnni")]
    pub fn int8<const ROWS: usize>((rows, scales): (&[u8], &[f32]), x: &Quantised) -> [f32; ROWS] {
        let (inputs, blocks) = (x.values.len(), x.values.len() / BLOCK);
        let rows: [_; ROWS] = array::from_fn(|row| rows[row * inputs..][..inputs].as_chunks::<BLOCK>().0);
        let scales: [_; ROWS] = array::from_fn(|row| &scales[row * blocks..][..blocks]);
        let (values, offsets, x_scales) =
            (x.values.as_chunks::<BLOCK>().0, x.offsets.as_chunks::<16>().0, x.scales.as_chunks::<16>().0);
        let mut sums = [_mm512_setzero_ps(); ROWS];
        for block in 0..blocks {
            let (values, offsets) = (load_whole(&values[block]), load_whole(&offsets[block]));
            let x_scales = load(&x_scales[block]);
            for row in 0..ROWS {
                ahead(&rows[row][block], ROWS * inputs);
                let products = _mm512_dpbusd_epi32(offsets, load_whole(&rows[row][block]), values);
                let scale = _mm512_mul_ps(_mm512_set1_ps(scales[row][block]), x_scales);
                sums[row] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products), scale, sums[row]);
            }
        }
        array::from_fn(|row| _mm512_reduce_add_ps(sums[row]))
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCK, Quantised, plain};
    #[allow(clippy::wildcard_imports, reason = "two dozen instructions, whose names say where they come from")]
    use std::arch::x86_64::*;
    use std::array;

    #[target_feature(enable = "avx2")]
    fn load(numbers: &[f32; 8]) -> __m256 {
        // SAFETY: the reference guarantees 32 readable bytes, and this load needs no alignment.
        unsafe { _mm256_loadu_ps(numbers.as_ptr()) }
    }

    /// As in the kernels for AVX-512.
    #[target_feature(enable = "avx2")]
    fn ahead<T>(chunk: &[T], numbers: usize) {
        _mm_prefetch::<_MM_HINT_T0>(chunk.as_ptr().wrapping_add(numbers).cast()); // reads nothing, wherever the address points
    }

    #[target_feature(enable = "avx2")]
    fn load_half<T>(numbers: &[T]) -> __m128i {
        assert_eq!(size_of_val(numbers), 16);
        // SAFETY: just checked: the slice has 16 readable bytes; this load needs no alignment, and any bits are whole numbers.
        unsafe { _mm_loadu_si128(numbers.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    fn sum(lanes: __m256) -> f32 {
        let mut numbers = [0.0; 8];
        // SAFETY: the array has 32 writable bytes, and this store needs no alignment.
        unsafe { _mm256_storeu_ps(numbers.as_mut_ptr(), lanes) };
        numbers.iter().sum()
    }

    #[target_feature(enable = "avx2")]
    fn load_halves(numbers: &[u16; 8]) -> __m256 {
        _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(load_half(numbers))))
    }

    dot!(f32, f32, load, "avx2,fma", _mm256_setzero_ps, _mm256_fmadd_ps, sum);
    dot!(bf16, u16, load_halves, "avx2,fma", _mm256_setzero_ps, _mm256_fmadd_ps, sum);
    mix!(8, "avx2,fma", _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps);

    /// Sums of four products each, of 32 weights with 32 values.
    #[target_feature(enable = "avx2")]
    fn products(weights: &[u8; 32], values: &[i8; 32]) -> __m256i {
        let (w, x) = (weights.as_chunks::<16>().0, values.as_chunks::<16>().0);
        let [low, high] = array::from_fn(|half| {
            let (w, x) = (_mm256_cvtepu8_epi16(load_half(&w[half])), _mm256_cvtepi8_epi16(load_half(&x[half])));
            _mm256_madd_epi16(w, x)
        });
        // Adding neighbours leaves the quarters in the order 0 2 1 3.
        _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(low, high))
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn int8<const ROWS: usize>((rows, scales): (&[u8], &[f32]), x: &Quantised) -> [f32; ROWS] {
        let (inputs, blocks) = (x.values.len(), x.values.len() / BLOCK);
        let rows: [_; ROWS] = array::from_fn(|row| rows[row * inputs..][..inputs].as_chunks::<32>().0);
        let scales: [_; ROWS] = array::from_fn(|row| &scales[row * blocks..][..blocks]);
        let (values, offsets, x_scales) =
            (x.values.as_chunks::<32>().0, x.offsets.as_chunks::<8>().0, x.scales.as_chunks::<8>().0);
        let mut sums = [_mm256_setzero_ps(); ROWS];
        for half in 0..2 * blocks {
            // SAFETY: the reference guarantees 32 readable bytes, and this load needs no alignment.
            let offsets = unsafe { _mm256_loadu_si256(offsets[half].as_ptr().cast()) };
            let x_scales = load(&x_scales[half]);
            for row in 0..ROWS {
                ahead(&rows[row][half], ROWS * inputs);
                let products = _mm256_add_epi32(offsets, products(&rows[row][half], &values[half]));
                let scale = _mm256_mul_ps(_mm256_set1_ps(scales[row][half / 2]), x_scales);
                sums[row] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), scale, sums[row]);
            }
        }
        array::from_fn(|row| sum(sums[row]))
    }
}
