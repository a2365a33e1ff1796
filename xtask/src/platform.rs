//! The machines that PyTorch publishes a libtorch for, and that this project is for.

use std::env::consts::{ARCH, OS};

use anyhow::{Result, bail};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Linux on x86-64, with glibc.
    LinuxX86,
    /// Linux on 64-bit ARM, with glibc.
    LinuxArm,
    /// macOS on Apple's own processors.
    MacArm,
}

impl Platform {
    /// This machine.
    ///
    /// # Errors
    /// If there is no libtorch for it; the message says what to use instead.
    pub fn here() -> Result<Self> {
        match (OS, ARCH) {
            ("linux", _) if cfg!(target_env = "musl") => bail!(
                "libtorch needs glibc and this system has musl; use a glibc distribution such as Debian, or a container of one"
            ),
            ("linux", "x86_64") => Ok(Self::LinuxX86),
            ("linux", "aarch64") => Ok(Self::LinuxArm),
            ("macos", "aarch64") => Ok(Self::MacArm),
            ("macos", arch) => bail!(
                "PyTorch no longer publishes libtorch for Macs with {arch}; use a Mac with Apple silicon, or Linux"
            ),
            ("windows", _) => bail!(
                "this project runs on Windows inside WSL: run `wsl --install` in a terminal, open Ubuntu, and clone and run it there"
            ),
            (os, arch) => bail!(
                "there is no libtorch for {os} on {arch}; use Linux on x86-64 or ARM, or a Mac with Apple silicon"
            ),
        }
    }

    /// Rust's name for it.
    pub fn target(self) -> &'static str {
        match self {
            Self::LinuxX86 => "x86_64-unknown-linux-gnu",
            Self::LinuxArm => "aarch64-unknown-linux-gnu",
            Self::MacArm => "aarch64-apple-darwin",
        }
    }

    /// The file name of a shared library.
    pub fn library(self, name: &str) -> String {
        format!("lib{name}.{}", if self == Self::MacArm { "dylib" } else { "so" })
    }
}
