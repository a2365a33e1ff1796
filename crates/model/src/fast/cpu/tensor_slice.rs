//! Tensors as plain numbers, for loops of our own.
//!
//! A slice promises what a tensor does not: that its memory stays, and that nobody else writes it, or, where it is to be changed, uses
//! it at all. So slices are lent for the time of one call, and checked as it begins: what is written overlaps nothing else. And the
//! work that gets them has to be [`Sync`], which a tensor is not: it can take no other handle to the same memory along.
//!
//! What is left is another thread that has a handle of its own. libtorch's operators are open to the same race; a program that shares
//! tensors between threads must not change them in one while another computes with them, here or there.

#![expect(unsafe_code, reason = "libtorch hands out the memory of a tensor as a bare address")]
#![expect(clippy::inline_always, reason = "compiled anew for registers of each width")]

use super::bf16::{Bf16, nearest, widen};
use std::{
    ops::Range,
    ptr,
    slice::{from_raw_parts, from_raw_parts_mut},
};
use tch::{Device, Kind, Tensor};

/// Whether plain loops and products may read a tensor as it lies: float32, one number after the other, on the CPU.
pub fn is_f32_slice(tensor: &Tensor) -> bool {
    is_slice::<f32>(tensor)
}

fn is_slice<N: Number>(tensor: &Tensor) -> bool {
    tensor.device() == Device::Cpu && tensor.kind() == N::KIND && tensor.is_contiguous()
}

/// A type of which tensors lend slices.
///
/// # Safety
/// libtorch keeps numbers of this kind as this type, of which any bits are a value.
pub unsafe trait Number: Copy + Send + Sync {
    /// That kind.
    const KIND: Kind;

    /// The number in float32.
    fn widen(self) -> f32;

    /// The number nearest to one in float32.
    fn nearest(number: f32) -> Self;
}

// SAFETY: both are IEEE 754's binary32, of which any 32 bits are a value.
unsafe impl Number for f32 {
    const KIND: Kind = Kind::Float;

    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }

    #[inline(always)]
    fn nearest(number: f32) -> Self {
        number
    }
}

// SAFETY: both are the upper half of a float32, of which any 16 bits are a value.
unsafe impl Number for Bf16 {
    const KIND: Kind = Kind::BFloat16;

    #[inline(always)]
    fn widen(self) -> f32 {
        widen(self)
    }

    #[inline(always)]
    fn nearest(number: f32) -> Self {
        nearest(number)
    }
}

/// Does some work with the numbers of tensors, where they lie: with some to read, and with others to change.
///
/// The work cannot take a tensor along, by which it might change them too:
///
/// ```compile_fail
/// # use model::fast::cpu::tensor_slice::with_slices;
/// # let (x, mut y) = (tch::Tensor::from_slice(&[1.0_f32]), tch::Tensor::from_slice(&[2.0_f32]));
/// let other = y.shallow_clone();
/// with_slices([&x], [&mut y], |[x], [y]| y[0] = x[0] + other.double_value(&[0]) as f32);
/// ```
///
/// # Panics
/// If a tensor is not [plain](is_f32_slice), or one to be changed shares memory with another.
pub fn with_slices<const R: usize, const W: usize, T>(
    read: [&Tensor; R],
    write: [&mut Tensor; W],
    work: impl FnOnce([&[f32]; R], [&mut [f32]; W]) -> T + Sync,
) -> T {
    with_slices_of(read, write, work)
}

/// The same where what is read, or what is changed, may be of another type.
///
/// # Panics
/// As [`with_slices`].
pub fn with_slices_of<A: Number, B: Number, const R: usize, const W: usize, T>(
    read: [&Tensor; R],
    mut write: [&mut Tensor; W],
    work: impl FnOnce([&[A]; R], [&mut [B]; W]) -> T + Sync,
) -> T {
    check(
        read.iter().map(|tensor| place::<A>(tensor)),
        write.iter().map(|tensor| place::<B>(tensor)),
    );
    // SAFETY: so many numbers in a row lie there as long as the tensors, which are borrowed; nothing writes them meanwhile (`check`, and
    // the head of this file). Where libtorch has not written them yet, they are what its allocator, which is no part of this program,
    // has left there: some number or other, as any bits are one.
    let read = read.map(|tensor| unsafe { from_raw_parts(start(tensor), tensor.numel()) });
    // SAFETY: as above, and no other slice has a part of it (`check`).
    let write =
        write.each_mut().map(|tensor| unsafe { from_raw_parts_mut(start(tensor), tensor.numel()) });
    work(read, write)
}

/// The same with groups of tensors, however many, all of them to be changed.
///
/// # Panics
/// As [`with_slices`].
pub fn with_groups<const N: usize, T>(
    groups: &mut [[Tensor; N]],
    work: impl FnOnce(Vec<[&mut [f32]; N]>) -> T + Sync,
) -> T {
    check([].into_iter(), groups.iter().flatten().map(place::<f32>));
    // SAFETY: as above.
    let slice = |tensor: &mut Tensor| unsafe { from_raw_parts_mut(start(tensor), tensor.numel()) };
    work(groups.iter_mut().map(|group| group.each_mut().map(slice)).collect())
}

/// Checks that each place to be changed is no part of another.
fn check(read: impl Iterator<Item = Range<usize>>, write: impl Iterator<Item = Range<usize>>) {
    let read = read.map(|place| (place, false));
    let mut places: Vec<_> = read.chain(write.map(|place| (place, true))).collect();
    places.retain(|(place, _)| !place.is_empty());
    places.sort_unstable_by_key(|(place, _)| place.start);
    let (mut end, mut end_of_written) = (0, 0);
    for (place, is_written) in places {
        let free_from = if is_written { end } else { end_of_written };
        assert!(place.start >= free_from, "a tensor to be changed shares memory with another");
        end = end.max(place.end);
        if is_written {
            end_of_written = end_of_written.max(place.end);
        }
    }
}

/// The addresses of a tensor's numbers; it must be plain.
fn place<N: Number>(tensor: &Tensor) -> Range<usize> {
    let bits = 8 * size_of::<N>();
    assert!(is_slice::<N>(tensor), "not contiguous {bits}-bit numbers on the CPU: {tensor:?}");
    let start = start::<N>(tensor) as usize;
    start..start + size_of::<N>() * tensor.numel()
}

/// Where a tensor's numbers begin. An empty one has no address; then it is any that a slice may have.
fn start<N: Number>(tensor: &Tensor) -> *mut N {
    let start: *mut N = tensor.data_ptr().cast();
    if tensor.numel() == 0 {
        return ptr::dangling_mut();
    }
    assert!(!start.is_null() && start.is_aligned(), "numbers without memory: {tensor:?}");
    start
}

/// The numbers of a small tensor, in order, copied.
///
/// # Panics
/// If they are not float32 on the CPU.
pub fn to_f32_vec(tensor: &Tensor) -> Vec<f32> {
    with_slices([&tensor.contiguous()], [], |[numbers], []| numbers.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Tensor {
        Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0])
    }

    #[test]
    fn slices_are_where_the_numbers_of_the_tensors_are() {
        let (x, mut y) = (numbers(), numbers());
        let sum = with_slices([&x, &x], [&mut y], |[x, same], [y]| {
            y[5] = 10.0 * x[5];
            x.iter().chain(same).sum::<f32>()
        });
        assert!((sum - 42.0).abs() < 1e-6);
        assert_eq!(y, Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 60.0]));
    }

    #[test]
    fn neighbors_in_one_memory_are_changed_together() {
        let base = numbers();
        let mut groups = [[base.narrow(0, 0, 2), base.narrow(0, 2, 3)]];
        with_groups(&mut groups, |groups| {
            for [left, right] in groups {
                left.fill(0.0);
                right.fill(7.0);
            }
        });
        assert_eq!(base, Tensor::from_slice(&[0.0_f32, 0.0, 7.0, 7.0, 7.0, 6.0]));
    }

    #[test]
    fn an_empty_tensor_is_an_empty_slice() {
        let (empty, mut other) = (numbers().narrow(0, 2, 0), Tensor::from_slice::<f32>(&[]));
        with_slices([&empty], [&mut other], |[empty], [other]| {
            assert!(empty.is_empty() && other.is_empty());
        });
    }

    #[test]
    fn numbers_of_16_bits_are_read_where_they_lie() {
        let (x, mut y) = (numbers().to_kind(Kind::BFloat16), numbers());
        with_slices_of([&x], [&mut y], |[x]: [&[Bf16]; 1], [y]: [&mut [f32]; 1]| {
            y[1] = widen(x[5]);
        });
        assert_eq!(y, Tensor::from_slice(&[1.0_f32, 6.0, 3.0, 4.0, 5.0, 6.0]));
    }

    #[test]
    #[should_panic(expected = "not contiguous 16-bit numbers")]
    fn numbers_of_32_bits_are_none_of_16() {
        with_slices_of([&numbers()], [], |[_]: [&[Bf16]; 1], []: [&mut [f32]; 0]| ());
    }

    #[test]
    #[should_panic(expected = "shares memory with another")]
    fn a_tensor_cannot_be_changed_in_two_slices() {
        let mut one = numbers();
        let mut other = one.shallow_clone();
        with_slices([], [&mut one, &mut other], |[], [_, _]| ());
    }

    #[test]
    #[should_panic(expected = "shares memory with another")]
    fn a_view_cannot_be_changed_while_its_base_is_read() {
        let base = numbers();
        let (mut view, other) = (base.narrow(0, 4, 2), numbers());
        with_slices([&other, &base], [&mut view], |[_, _], [_]| ());
    }

    #[test]
    #[should_panic(expected = "shares memory with another")]
    fn a_base_cannot_be_changed_while_a_view_far_inside_is_read() {
        let mut base = numbers();
        let views = [base.narrow(0, 0, 2), base.narrow(0, 3, 1)];
        with_slices([&views[1], &views[0]], [&mut base], |[_, _], [_]| ());
    }

    #[test]
    #[should_panic(expected = "shares memory with another")]
    fn groups_that_overlap_are_refused() {
        let base = numbers();
        with_groups(&mut [[base.narrow(0, 0, 3)], [base.narrow(0, 2, 4)]], |_| ());
    }

    #[test]
    #[should_panic(expected = "numbers without memory")]
    fn zeros_that_libtorch_only_thinks_of_are_refused() {
        let zeros = Tensor::internal_efficientzerotensor([3], (Kind::Float, Device::Cpu));
        with_slices([&zeros], [], |[_], []| ());
    }

    #[test]
    #[should_panic(expected = "not contiguous 32-bit numbers")]
    fn numbers_that_do_not_lie_in_a_row_are_refused() {
        with_slices([&numbers().view([2, 3]).tr()], [], |[_], []| ());
    }
}
