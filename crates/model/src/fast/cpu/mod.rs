//! What the processor and the operating system offer beyond the language. All unsafe code of the workspace is here.

pub mod allocator;
pub mod bf16;
pub mod kernels;
pub mod quantize;
pub mod simd;
pub mod tensor_slice;
pub mod threads;
pub mod transpose;
