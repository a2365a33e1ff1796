//! A libtorch in a folder: whether it is whole, and which version it is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::platform::Platform;

/// The version that the binding (tch 0.26) is made for.
pub const VERSION: &str = "2.13.0";

/// Whether `home` holds what the binding needs, in the right version.
///
/// # Errors
/// If not; the message says what is wrong.
pub fn check(home: &Path, platform: Platform) -> Result<()> {
    ensure!(home.is_dir(), "{} is not there", home.display());
    for library in ["torch", "torch_cpu", "c10"] {
        let path = home.join("lib").join(platform.library(library));
        let size = fs::metadata(&path).map_or(0, |data| data.len());
        ensure!(size > 0, "the library {} is missing", path.display());
    }
    let header = home.join("include/torch/csrc/api/include/torch/torch.h");
    ensure!(header.is_file(), "the header {} is missing", header.display());
    let place = home.display();
    let version = version(home).with_context(|| format!("{place} does not say its version"))?;
    ensure!(version == VERSION, "{place} holds version {version}, and the binding needs {VERSION}");
    Ok(())
}

/// The version of the libtorch in `home`, without a suffix such as `+cpu`.
pub fn version(home: &Path) -> Option<String> {
    let read = |name: &str| fs::read_to_string(home.join(name)).ok();
    let quoted = |text: &str| text.split(['"', '\'']).nth(1).map(str::to_owned);
    let of_python = || quoted(read("version.py")?.split("__version__").nth(1)?);
    let of_header = || {
        let header = read("include/torch/headeronly/version.h")?;
        quoted(header.split("#define TORCH_VERSION \\").nth(1)?)
    };
    let full = read("build-version").or_else(of_python).or_else(of_header)?;
    Some(full.trim().split('+').next().unwrap_or_default().to_owned())
}

/// The folder of the PyTorch that the binding would take: from `python` in a virtual environment, else from `python3`.
pub(crate) fn of_python() -> Result<PathBuf> {
    let python = if env::var_os("VIRTUAL_ENV").is_some() { "python" } else { "python3" };
    let script = "import importlib.util as u; print(list(u.find_spec('torch').submodule_search_locations)[0])";
    let output = Command::new(python).args(["-c", script]).stderr(Stdio::null()).output();
    let found = output.ok().filter(|output| output.status.success());
    let folder = found.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    folder.with_context(|| {
        let mend = format!("install it with `{python} -m pip install torch=={VERSION}`");
        format!("{python} has no PyTorch; {mend}, or unset the variable")
    })
}
