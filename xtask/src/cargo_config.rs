//! What cargo is told of libtorch: `.cargo/libtorch.toml`, which `.cargo/config.toml` includes, says where libtorch is
//! and puts its folder of libraries into the programs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::download;
use crate::platform::Platform;

/// Where it stands, seen from the project's root.
pub const PATH: &str = ".cargo/libtorch.toml";

/// The folder outside the project that an earlier setup told cargo of.
pub(crate) fn configured(root: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(root.join(PATH)).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix("LIBTORCH = "))?;
    serde_json::from_str(value).ok()
}

/// The folder of the libtorch that cargo knows in a project or in a workspace made from it.
pub fn home(root: &Path) -> PathBuf {
    configured(root).unwrap_or_else(|| root.join("libtorch"))
}

/// What the file has to say.
///
/// # Errors
/// If the folder's name cannot be told to a linker.
pub fn text(root: &Path, home: &Path, platform: Platform) -> Result<String> {
    let name = |path: &Path| -> Result<String> {
        let text = path
            .to_str()
            .with_context(|| format!("{} is not UTF-8; move the project", path.display()))?;
        ensure!(
            !text.contains(','),
            "{text} holds a comma, which linkers split at; move the project"
        );
        Ok(text.to_owned())
    };
    // TOML writes a string as JSON does.
    let quoted = |text: String| serde_json::Value::from(text).to_string();
    let value = if home == root.join("libtorch") {
        "{ value = \"libtorch\", relative = true }".to_owned()
    } else {
        quoted(name(home)?)
    };
    let rpath = quoted(format!("link-arg=-Wl,-rpath,{}", name(&home.join("lib"))?));
    let target = platform.target();
    Ok(format!(
        "# Written by `cargo xtask setup`.\n[env]\nLIBTORCH = {value}\n\n[target.{target}]\nrustflags = [\"-C\", {rpath}]\n"
    ))
}

/// Writes the file, unless it says the same already: a new date would make cargo build anew.
pub(crate) fn write(root: &Path, home: &Path, platform: Platform) -> Result<()> {
    download::write_atomically(&root.join(PATH), &text(root, home, platform)?)
}
