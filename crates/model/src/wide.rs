//! Loops in the widest registers that the processor has.

/// Defines a function that does what another does, in registers of 16 or 8 numbers where the processor at hand has them.
///
/// The other one has to be `#[inline(always)]`: it is compiled anew for each width. Where it adds numbers up, it does so in lanes of
/// its own, so that the width of the registers changes no bit: every single result is rounded as IEEE 754 says.
#[macro_export]
macro_rules! in_wide_registers {
    ($visible:vis fn $name:ident($($argument:ident: $type:ty),*) $(-> $output:ty)? = $plain:expr;) => {
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
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    if is_x86_feature_detected!("avx512f") {
                        // SAFETY: the lines above.
                        return unsafe { sixteen($($argument),*) };
                    }
                    // SAFETY: the line above.
                    return unsafe { eight($($argument),*) };
                }
            }
            $plain($($argument),*)
        }
    };
}
