//! Weights in fewer bytes: bfloat16 halves what a token has to read, 8-bit numbers with scales nearly quarter it.
//!
//! On an AMD Zen 3 the 124M model writes 49 tokens a second in `f32`, 96 in `bf16` and 172 in `int8`: `cargo xtask bench decode` measures it.

use crate::fast::cpu::{
    kernels::Kernels,
    quantize::{Quantized, quantize_row},
    tensor_slice::{to_f32_vec, with_slices},
};
use crate::fast::twin::TOLERANCE;
use anyhow::{Result, bail};
use half::bf16;
use std::{fmt, ops::Range, str::FromStr};
use tch::Tensor;

/// How the decoder keeps the weights of linear layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// As the model has them, 4 bytes each; nothing is copied.
    F32,
    /// The upper half of each 32-bit number, rounded: 2 bytes, all exponents, 8 significant bits.
    Bf16,
    /// Whole numbers from -127 to 127 with a scale for each 64 of a row: 1.0625 bytes. Inputs are quantized as well.
    Int8,
}

impl Dtype {
    /// The most by which logits may differ from those in float32, as a part of their norm, measured on small models.
    pub fn rounding(self) -> f64 {
        match self {
            Self::F32 => TOLERANCE,
            Self::Bf16 => 0.01,
            Self::Int8 => 0.03,
        }
    }
}

impl FromStr for Dtype {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            "int8" => Ok(Self::Int8),
            _ => bail!("weights are kept as f32, bf16 or int8"),
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        })
    }
}

/// Some rows of a linear layer: `W x + b` for the outputs of one worker.
#[derive(Debug)]
pub struct Rows {
    weight: Packed,
    bias: Option<Vec<f32>>,
    outputs: usize,
}

#[derive(Debug)]
enum Packed {
    F32(Tensor),
    /// The transpose, as it lies in a public weight file: the inputs' rows, of which `stride` numbers belong to each and the first
    /// are ours.
    Columns {
        rows: Tensor,
        stride: usize,
    },
    Bf16(Vec<bf16>),
    Int8 {
        values: Vec<u8>,
        scales: Vec<f32>,
    },
}

impl Rows {
    /// Takes the rows `range` of a layer.
    ///
    /// # Shapes
    /// - `weight`: `[outputs, inputs]`, `bias`: `[outputs]`
    pub fn new(weight: &Tensor, bias: Option<&Tensor>, range: Range<usize>, dtype: Dtype) -> Self {
        let inputs = weight.size()[1] as usize;
        let part =
            |tensor: &Tensor| tensor.detach().narrow(0, range.start as i64, range.len() as i64);
        let weight = part(weight);
        let rows = || weight.contiguous();
        let weight = match (dtype, &weight.stride()[..]) {
            (Dtype::F32, &[1, stride]) if !weight.is_contiguous() => {
                let numbers = (inputs as i64 - 1) * stride + range.len() as i64; // from the first of them to the last
                Packed::Columns {
                    rows: weight.as_strided([numbers], [1], None),
                    stride: stride as usize,
                }
            }
            (Dtype::F32, _) => Packed::F32(rows()),
            (Dtype::Bf16, _) => Packed::Bf16(with_slices([&rows()], [], |[rows], []| {
                rows.iter().copied().map(bf16::from_f32).collect()
            })),
            (Dtype::Int8, _) => {
                let (mut values, mut scales) = (Vec::new(), Vec::new());
                with_slices([&rows()], [], |[rows], []| {
                    for row in rows.chunks_exact(inputs) {
                        quantize_row(row, &mut values, &mut scales);
                    }
                });
                Packed::Int8 { values, scales }
            }
        };
        let bias = bias.map(|bias| to_f32_vec(&part(bias)));
        Self { weight, bias, outputs: range.len() }
    }

    /// How many outputs these rows have.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Computes the outputs of these rows.
    ///
    /// # Shapes
    /// - `x`: `[inputs]`, and the same quantized where the rows are, else untouched
    /// - `out`: `[outputs]`
    pub fn multiply(&self, kernels: Kernels, x: &[f32], quantized: &Quantized, out: &mut [f32]) {
        match &self.weight {
            Packed::F32(rows) => {
                with_slices([rows], [], |[rows], []| kernels.dot_f32(rows, x, out));
            }
            Packed::Columns { rows, stride } => {
                with_slices([rows], [], |[rows], []| kernels.weighted_sum(x, rows, *stride, out));
            }
            Packed::Bf16(rows) => kernels.dot_bf16(rows, x, out),
            Packed::Int8 { values, scales } => kernels.dot_int8(values, scales, quantized, out),
        }
        for (out, bias) in out.iter_mut().zip(self.bias.iter().flatten()) {
            *out += bias;
        }
    }
}
