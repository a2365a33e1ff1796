//! Operations over plain slices, compiled for the widest registers at hand.

pub mod dropout;
pub mod flash_attention;
pub mod functions;
pub mod layers;
pub mod matmul;
pub(crate) mod micro_kernel;
mod softmax;
pub(crate) mod tiles;
