//! Tensors as plain numbers, for loops of our own.
//!
//! What the type system cannot see is another handle to the same memory. A decoder borrows its model, and each of its workers has the
//! keys and values of its own heads; nothing in this workspace changes a model while it writes a text, nor a weight file in place,
//! which a model may be mapped to. A step of training reads and writes what belongs to the trainer alone.

use tch::{Device, Kind, Tensor};

/// Whether plain loops and products may read a tensor as it lies: float32, one number after the other, on the CPU.
pub fn is_f32_slice(tensor: &Tensor) -> bool {
    tensor.device() == Device::Cpu && tensor.kind() == Kind::Float && tensor.is_contiguous()
}

/// The numbers of a tensor, where they lie.
///
/// While they are borrowed, nobody may write by another handle to the same memory.
///
/// # Panics
/// If the tensor is not plain.
#[expect(unsafe_code, reason = "libtorch hands out the memory of a tensor as a bare address")]
pub fn as_f32_slice(tensor: &Tensor) -> &[f32] {
    assert!(is_f32_slice(tensor), "not contiguous 32-bit numbers on the CPU: {tensor:?}");
    if tensor.numel() == 0 {
        return &[]; // an empty tensor has no address
    }
    // SAFETY: so many numbers in a row lie there (`is_f32_slice`) as long as the tensor lives, which is borrowed. They may not have been
    // written yet; any bits are a number. Other handles to them are what the caller answers for.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast_const().cast(), tensor.numel()) }
}

/// The same, to be changed: nobody may use another handle meanwhile.
///
/// # Panics
/// As [`as_f32_slice`].
#[expect(unsafe_code, reason = "as for reading")]
pub fn as_f32_slice_mut(tensor: &mut Tensor) -> &mut [f32] {
    assert!(is_f32_slice(tensor), "not contiguous 32-bit numbers on the CPU: {tensor:?}");
    if tensor.numel() == 0 {
        return &mut [];
    }
    // SAFETY: as above.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_tensor_is_an_empty_slice() {
        let mut empty = Tensor::zeros([0, 3], (Kind::Float, Device::Cpu));
        assert!(as_f32_slice(&empty).is_empty());
        assert!(as_f32_slice_mut(&mut empty).is_empty());
    }
}
