//! Numbers in 8 bits, with scales.
//!
//! For what [fewer bits](crate::fast::decode::Dtype) gain.

/// Neighboring weights of a row that share a scale.
pub const BLOCK: usize = 64;

/// Neighboring inputs whose products one instruction adds up.
pub const LANE: usize = 4;

/// Neighboring inputs that share a scale. Smaller than a block, because a few channels of a trained GPT-2 are far larger than the
/// others, and take the digits away from those that share their scale.
pub const INPUTS_OF_A_SCALE: usize = 32;

/// Appends a row, filled up with zeros to whole blocks: whole numbers plus 128, and a scale for each block.
pub fn quantize_row(row: &[f32], values: &mut Vec<u8>, scales: &mut Vec<f32>) {
    for block in row.chunks(BLOCK) {
        let (scale, inverse) = scale_of(block);
        scales.push(scale);
        values.extend(block.iter().map(|&w| (nearest(w * inverse) + 128) as u8));
        values.extend(std::iter::repeat_n(128, BLOCK - block.len()));
    }
}

/// The scale that brings the largest of these numbers to 127, and its inverse; for zeros 0 and 0.
fn scale_of(numbers: &[f32]) -> (f32, f32) {
    let largest = numbers
        .iter()
        .fold(0.0_f32, |largest, x| if x.abs() > largest { x.abs() } else { largest });
    if largest > 0.0 { (largest / 127.0, 127.0 / largest) } else { (0.0, 0.0) }
}

/// The nearest whole number. Adding this constant leaves no digit behind the point, and the sum's lowest bits are the result:
/// a loop over this becomes vector instructions on every processor.
fn nearest(number: f32) -> i32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23
    ((number + ROUND).to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32)
}

/// A vector in 8 bits with scales.
#[derive(Debug, Default)]
pub struct Quantized {
    /// From -127 to 127, filled up with zeros to whole blocks of weights.
    pub values: Vec<i8>,
    /// For each lane of four values, -128 times their sum: it takes back the 128 that every weight is stored with.
    pub offsets: Vec<i32>,
    /// For each lane, what its values have to be multiplied with.
    pub scales: Vec<f32>,
}

impl Quantized {
    /// Quantizes `x` in place of what was here before.
    pub fn set(&mut self, x: &[f32]) {
        let inputs = x.len().next_multiple_of(BLOCK);
        self.values.clear();
        self.offsets.clear();
        self.scales.clear();
        for group in x.chunks(INPUTS_OF_A_SCALE) {
            let (scale, inverse) = scale_of(group);
            self.values.extend(group.iter().map(|&x| nearest(x * inverse) as i8));
            self.scales.extend(std::iter::repeat_n(scale, INPUTS_OF_A_SCALE / LANE));
        }
        self.values.resize(inputs, 0);
        self.scales.resize(inputs / LANE, 0.0);
        let lanes = self.values.as_chunks::<LANE>().0;
        self.offsets.extend(
            lanes.iter().map(|lane| -128 * lane.iter().map(|&x| i32::from(x)).sum::<i32>()),
        );
    }
}
