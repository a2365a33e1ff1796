//! What the project's own commands and the commands of the book share: downloads, the names of the public
//! datasets, and libtorch.
//!
//! | module | question it answers |
//! | --- | --- |
//! | [`download`] | how does one file come here whole, or not at all? |
//! | [`datasets`] | what is behind a name such as `the-verdict`, and where does it lie? |
//! | [`fetch`] | how do its files come here, or out of a folder? |
//! | [`memory`] | how much memory is there? |
//! | [`platform`] | which machines is this for? |
//! | [`archive`] | what does PyTorch publish for which machine, and which of it do we need? |
//! | [`obtain`] | how does it come here? |
//! | [`libtorch`] | is it whole? |
//! | [`setup`] | which libtorch is taken? |
//! | [`cargo_config`] | how do cargo and the programs find it? |
//! | [`tools`] | which programs does all of that call? |
//! | [`doctor`] | what is wrong on this machine, and which command mends it? |
//!
//! Behind [`download`], `network` asks servers, `failure` says why in vain, `known` holds what is known of a file, `part` holds what has arrived, `progress`
//! says how far it has come, and `disk` knows whole files.
//!
//! Nothing here depends on libtorch or on a chapter, so that it builds and runs where libtorch is missing.

use std::path::{Path, PathBuf};

pub mod archive;
pub mod cargo_config;
pub mod datasets;
mod disk;
pub mod doctor;
pub mod download;
mod failure;
pub mod fetch;
mod known;
pub mod libtorch;
pub mod memory;
mod network;
pub mod obtain;
mod part;
pub mod platform;
mod progress;
pub mod setup;
pub mod tools;

/// The project's root folder: the one [around](project_around) the current folder, else the folder that this program was compiled in.
///
/// The first rule lets a binary that was copied elsewhere work inside a moved or second clone.
pub fn project_root() -> PathBuf {
    project_around().unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(1)
            .unwrap_or(Path::new("."))
            .to_path_buf()
    })
}

/// The nearest folder, from the current one upwards, that holds `data/datasets.json` and `Cargo.toml`, if we are in a project.
pub fn project_around() -> Option<PathBuf> {
    let is_root = |folder: &&Path| {
        folder.join("data/datasets.json").is_file() && folder.join("Cargo.toml").is_file()
    };
    let here = std::env::current_dir().unwrap_or_default();
    here.ancestors().find(is_root).map(Path::to_path_buf)
}
