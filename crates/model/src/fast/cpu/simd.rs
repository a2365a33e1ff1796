//! Loops in the widest registers that the processor has.
//!
//! Attention, softmax, GELU, norms and AdamW are such loops: `cargo xtask bench train` and `cargo xtask bench prefill` measure them.

use std::cell::Cell;

/// Numbers that loops treat side by side: the widest registers hold so many.
pub const LANES: usize = 16;

/// Defines a function that does what another does, in registers of 16 or 8 numbers where the processor at hand has them.
///
/// The other one has to be `#[inline(always)]`: it is compiled anew for each width. Where it adds numbers up, it does so in lanes of
/// its own, so that the width of the registers changes no bit: every single result is rounded as IEEE 754 says.
#[macro_export]
macro_rules! multiversion {
    ($(#[$comment:meta])* $visible:vis fn $name:ident($($argument:ident: $type:ty),*) $(-> $output:ty)? = $plain:expr;) => {
        $(#[$comment])*
        #[expect(unsafe_code, reason = "that the processor has the instructions is known only when the program runs")]
        $visible fn $name($($argument: $type),*) $(-> $output)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx2,fma")]
                fn sixteen($($argument: $type),*) $(-> $output)? {
                    $plain($($argument),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn eight($($argument: $type),*) $(-> $output)? {
                    $plain($($argument),*)
                }
                match $crate::fast::cpu::simd::lanes() {
                    // SAFETY: the processor has registers of that width, and their instructions.
                    16 => return unsafe { sixteen($($argument),*) },
                    // SAFETY: as above.
                    8 => return unsafe { eight($($argument),*) },
                    _ => {}
                }
            }
            $plain($($argument),*)
        }
    };
}

thread_local! {
    /// The most numbers that a register may hold on this thread.
    static MOST: Cell<usize> = const { Cell::new(LANES) };
}

/// How many numbers the registers hold in which such loops run here, at most: 16 with AVX-512, 8 with AVX2, otherwise 1.
pub fn lanes() -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        let has_16 = is_x86_feature_detected!("avx512f");
        return match MOST.get() {
            16 if has_16 => 16,
            8 | 16 => 8,
            _ => 1,
        };
    }
    1
}

/// All widths that this processor has, for comparisons.
pub fn widths() -> Vec<usize> {
    [1, 8, 16].into_iter().filter(|&width| narrowed(width, lanes) == width).collect()
}

/// Does some work in registers that hold so many numbers at most, on the threads that help with it too: for comparisons.
pub fn narrowed<T>(most: usize, work: impl FnOnce() -> T) -> T {
    struct Back(usize);
    impl Drop for Back {
        fn drop(&mut self) {
            MOST.set(self.0);
        }
    }
    let _back = Back(MOST.replace(most));
    work()
}

/// Asks the processor for what lies so many numbers further on: by itself it looks no further than the end of a page.
#[inline(always)]
pub fn prefetch<T>(numbers: &[T], further: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let address = numbers.as_ptr().wrapping_add(further);
        // SAFETY: this reads nothing, wherever the address points, and every processor of this kind has it.
        #[expect(
            unsafe_code,
            reason = "a foreign address goes to an instruction that only looks at it"
        )]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(address.cast());
        }
    }
}
