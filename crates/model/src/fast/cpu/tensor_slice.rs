//! Tensors as plain numbers, for loops of our own.
//!
//! A slice promises what a tensor does not: that its memory stays, and that nobody else writes it, or, where it is to be changed, uses
//! it at all. So slices are lent for the time of one call, and checked as it begins: what is written overlaps nothing else. And the
//! work that gets them has to be [`Sync`], which a tensor is not: it can take no other handle to the same memory along.
//!
//! What is left is another thread that has a handle of its own. libtorch's operators are open to the same race; a program that shares
//! tensors between threads must not change them in one while another computes with them, here or there.

#![expect(unsafe_code, reason = "libtorch hands out the memory of a tensor as a bare address")]

use std::{
    ops::Range,
    ptr,
    slice::{from_raw_parts, from_raw_parts_mut},
};
use tch::{Device, Kind, Tensor};

/// Whether plain loops and products may read a tensor as it lies: float32, one number after the other, on the CPU.
pub fn is_f32_slice(tensor: &Tensor) -> bool {
    tensor.device() == Device::Cpu && tensor.kind() == Kind::Float && tensor.is_contiguous()
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
    mut write: [&mut Tensor; W],
    work: impl FnOnce([&[f32]; R], [&mut [f32]; W]) -> T + Sync,
) -> T {
    check(read.into_iter(), write.iter().map(|tensor| &**tensor));
    // SAFETY: so many numbers in a row lie there as long as the tensors, which are borrowed; nothing writes them meanwhile (`check`, and
    // the head of this file). Where libtorch has not written them yet, they are what its allocator, which is no part of this program,
    // has left there: some number or other, as every 32 bits are one.
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
    check([].into_iter(), groups.iter().flatten());
    // SAFETY: as above.
    let slice = |tensor: &mut Tensor| unsafe { from_raw_parts_mut(start(tensor), tensor.numel()) };
    work(groups.iter_mut().map(|group| group.each_mut().map(slice)).collect())
}

/// Checks that all are plain, and that each one to be changed has its memory for itself.
fn check<'a>(read: impl Iterator<Item = &'a Tensor>, write: impl Iterator<Item = &'a Tensor>) {
    let read = read.map(|tensor| (place(tensor), false));
    let mut places: Vec<_> = read.chain(write.map(|tensor| (place(tensor), true))).collect();
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

/// The addresses of a tensor's numbers.
fn place(tensor: &Tensor) -> Range<usize> {
    assert!(is_f32_slice(tensor), "not contiguous 32-bit numbers on the CPU: {tensor:?}");
    let start = start(tensor) as usize;
    start..start + size_of::<f32>() * tensor.numel()
}

/// Where a tensor's numbers begin. An empty one has no address; then it is any that a slice may have.
fn start(tensor: &Tensor) -> *mut f32 {
    let start: *mut f32 = tensor.data_ptr().cast();
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
