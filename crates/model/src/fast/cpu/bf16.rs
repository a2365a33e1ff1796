//! Numbers in bfloat16: the upper half of a float32.
//!
//! For what they gain, see [`matmul`](crate::fast::ops::matmul).

#![expect(clippy::inline_always, reason = "compiled anew for registers of each width")]

/// A number in bfloat16: a float32 whose last 16 bits are left out, so that its range is the same and two to three digits are left.
pub type Bf16 = half::bf16;

/// The same number in float32.
///
/// The library's own function branches for what is no number, so that loops over it become no vector instructions.
#[inline(always)]
pub fn widen(number: Bf16) -> f32 {
    f32::from_bits(u32::from(number.to_bits()) << 16)
}

/// The nearest number in bfloat16; of two that are equally near, the even one.
#[inline(always)]
pub fn nearest(number: f32) -> Bf16 {
    let bits = number.to_bits();
    let nearest = (bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16) as u16;
    Bf16::from_bits(if number.is_nan() { 0x7fc0 } else { nearest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    #[test]
    fn numbers_are_rounded_as_libtorch_rounds_them() {
        let bits = (0..1 << 16).map(|i| (i << 16) | ((i * 40_503) & 0xffff));
        let ties = [0x3f80_8000_u32, 0x3f81_8000, 0x7f7f_ffff, 0xff80_0000, 0x8000_0001];
        let numbers: Vec<f32> = bits.chain(ties).map(f32::from_bits).collect();
        let theirs = Tensor::from_slice(&numbers).to_kind(Kind::BFloat16).to_kind(Kind::Float);
        let theirs = Vec::<f32>::try_from(theirs).expect("numbers");
        for (number, theirs) in numbers.iter().zip(theirs) {
            let ours = widen(nearest(*number));
            let equal = ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan();
            assert!(equal, "{number:e} becomes {ours:e}, not {theirs:e}");
        }
    }
}
