//! How the numbers of a tensor are written in the file.

use anyhow::{Result, bail, ensure};
use half::f16;
use std::{fmt, str::FromStr};

/// Numbers that share a scale in `q8_0`.
const BLOCK: usize = 32;

/// A type of numbers that llama.cpp computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberType {
    /// 32-bit floats, as the model has them.
    F32,
    /// 16-bit floats.
    F16,
    /// Whole numbers from -127 to 127 with a 16-bit scale for each 32 of a row: 1.0625 bytes each.
    Q8_0,
}

impl FromStr for NumberType {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            "q8_0" => Ok(Self::Q8_0),
            _ => bail!("weights are written as f32, f16 or q8_0"),
        }
    }
}

impl fmt::Display for NumberType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
        })
    }
}

impl NumberType {
    /// Its number in `ggml_type`.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q8_0 => 8,
        }
    }

    /// The number in `llama_ftype` of a file of which most tensors are of this type.
    pub(super) fn file_type(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q8_0 => 7,
        }
    }

    /// Numbers that are stored together.
    pub(super) fn block(self) -> usize {
        if self == Self::Q8_0 { BLOCK } else { 1 }
    }

    /// Bytes of so many numbers.
    pub(super) fn bytes(self, numbers: usize) -> usize {
        match self {
            Self::F32 => 4 * numbers,
            Self::F16 => 2 * numbers,
            Self::Q8_0 => numbers / BLOCK * (2 + BLOCK),
        }
    }

    /// Adds numbers as they are written in the file.
    ///
    /// # Errors
    /// If one of them is too large for 16 bits.
    ///
    /// # Source
    /// `quantize_row_q8_0_ref` in `ggml-quants.c` of llama.cpp.
    pub(super) fn encode(self, numbers: &[f32], bytes: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::F32 => bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes())),
            Self::F16 => {
                for &number in numbers {
                    bytes.extend(half(number)?.to_le_bytes());
                }
            }
            Self::Q8_0 => {
                for block in numbers.chunks(BLOCK) {
                    let largest = block.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
                    let scale = largest / 127.0;
                    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
                    bytes.extend(half(scale)?.to_le_bytes());
                    bytes.extend(
                        block.iter().flat_map(|n| ((n * inverse).round() as i8).to_le_bytes()),
                    );
                }
            }
        }
        Ok(())
    }
}

fn half(number: f32) -> Result<f16> {
    let half = f16::from_f32(number);
    ensure!(half.is_finite(), "a weight of {number} is too large for 16 bits; take f32");
    Ok(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(number_type: NumberType, numbers: &[f32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        number_type.encode(numbers, &mut bytes).expect("small numbers");
        assert_eq!(bytes.len(), number_type.bytes(numbers.len()));
        bytes
    }

    #[test]
    fn a_block_of_32_is_a_scale_and_whole_numbers_worked_out_by_hand() {
        let mut numbers = [0.0; 64];
        // The largest of the first block is -254, so its scale is 2; halves are rounded away from zero.
        (numbers[0], numbers[1], numbers[2], numbers[31]) = (252.0, -3.0, 2.9, -254.0);
        let bytes = encoded(NumberType::Q8_0, &numbers);
        assert_eq!(bytes[..5], [0x00, 0x40, 126, 254, 1], "2.0 in 16 bits, then 126, -2 and 1");
        assert_eq!(bytes[33], 129, "-127");
        assert!(bytes[34..].iter().all(|&byte| byte == 0), "a block of zeros");
    }

    #[test]
    fn a_weight_too_large_for_16_bits_is_refused() {
        assert_eq!(encoded(NumberType::F16, &[1.0, -0.5]), [0x00, 0x3c, 0x00, 0xb8]);
        let said = NumberType::F16.encode(&[7e4], &mut Vec::new()).expect_err("too large");
        assert_eq!(said.to_string(), "a weight of 70000 is too large for 16 bits; take f32");
        assert_eq!(encoded(NumberType::F32, &[7e4]), 7e4_f32.to_le_bytes());
    }
}
