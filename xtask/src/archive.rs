//! What PyTorch publishes for each machine, and which of it the binding needs.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;
use zip::ZipArchive;
use zip::read::ZipFile;

use crate::download::Download;
use crate::platform::Platform;

/// What PyTorch publishes for a machine.
#[derive(Debug, Clone, Deserialize)]
pub struct Published {
    /// The official archive.
    pub archive: Archive,
    /// The wheels that take its place where PyTorch's own host cannot be reached.
    #[serde(default)]
    pub wheels: Vec<Archive>,
}

/// A zip file with libraries in it: an official archive, or a wheel.
#[derive(Debug, Clone, Deserialize)]
pub struct Archive {
    /// Its file name or, for one that pip fetches, what pip calls it.
    pub name: String,
    /// Where it can be had; empty for one that pip fetches.
    #[serde(default)]
    pub urls: Vec<String>,
    /// Its size, where it is known.
    pub size: Option<u64>,
    /// Its SHA-256.
    pub sha256: String,
    /// What pip must be told so that it finds it on any machine.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What lies where in it.
    pub layout: Layout,
}

/// What lies where in a zip file.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// `libtorch/include` and `libtorch/lib` as they are, without static libraries.
    Official,
    /// PyTorch for Python and the CPU: the headers and all libraries but Python's.
    CpuWheel,
    /// PyTorch for Python and CUDA: the headers and what the CPU needs.
    CudaWheel,
    /// A library that the CPU's part of the CUDA wheel is linked against.
    CudaLibrary,
}

impl Published {
    /// What there is for a machine.
    ///
    /// # Panics
    /// If the compiled-in list lacks it, which a test rules out.
    pub fn on(platform: Platform) -> Self {
        let mut published: HashMap<String, Self> =
            serde_json::from_str(include_str!("../libtorch.json"))
                .expect("a test reads libtorch.json");
        published.remove(platform.target()).expect("a test asks for each")
    }
}

impl Layout {
    /// Where an entry belongs below `libtorch/`, or nowhere.
    pub fn place(self, entry: &Path) -> Option<PathBuf> {
        let root = if matches!(self, Self::Official) { "libtorch" } else { "torch" };
        let library = |folder: &str| entry.strip_prefix(folder).ok().and_then(Path::to_str);
        let is_wanted = match self {
            Self::CudaLibrary => {
                let name = entry.file_name()?.to_str()?;
                let is_wanted = ["libcudart.so.13", "libcupti.so.13"].contains(&name);
                return is_wanted.then(|| Path::new("lib").join(name));
            }
            Self::CpuWheel if entry.starts_with("torch.libs") => {
                return Some(Path::new("lib").join(entry.strip_prefix("torch.libs").ok()?));
            }
            Self::Official => {
                (entry.starts_with("libtorch/lib") || entry == Path::new("libtorch/build-version"))
                    && entry.extension().is_none_or(|extension| extension != "a")
            }
            Self::CpuWheel => library("torch/lib").is_some_and(|name| {
                name.contains(".so")
                    && !name.starts_with("libtorch_python")
                    && !name.starts_with("libshm")
            }),
            Self::CudaWheel => library("torch/lib").is_some_and(|name| {
                ["libtorch_cpu.so", "libc10.so"].contains(&name) || name.starts_with("libgomp")
            }),
        };
        let inside = entry.strip_prefix(root).ok()?;
        (is_wanted || inside.starts_with("include")).then(|| inside.to_path_buf())
    }
}

impl Archive {
    /// How to download it, or to know it.
    pub fn download(&self) -> Download {
        let sha256 = Some(self.sha256.clone());
        Download { urls: self.urls.clone(), size: self.size, sha256, ..Download::new("") }
    }

    /// The file in `folder` that is this archive, whatever its name.
    pub(crate) fn find(&self, folder: &Path) -> Option<PathBuf> {
        let mut files = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        files.find(|file| self.download().is_complete(file))
    }

    /// Unpacks what is wanted of the zip file `file` into `folder`.
    pub(crate) fn unpack(&self, file: &Path, folder: &Path) -> Result<()> {
        let name = file.file_name().unwrap_or_default().display();
        eprintln!("unpacking {name}");
        let unpack = || -> Result<()> {
            let mut zip = ZipArchive::new(io::BufReader::new(File::open(file)?))?;
            for index in 0..zip.len() {
                let mut entry = zip.by_index(index)?;
                // An entry whose name leads out of the folder has no enclosed name.
                let place = entry.enclosed_name().and_then(|path| self.layout.place(&path));
                if let Some(place) = place.filter(|_| !entry.is_dir()) {
                    unpack_entry(&mut entry, &folder.join(place), folder)?;
                }
            }
            Ok(())
        };
        unpack().map_err(|error| anyhow!("cannot unpack {name}: {error:#}"))
    }
}

fn unpack_entry(entry: &mut ZipFile<impl Read>, target: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(target.parent().unwrap_or(folder))?;
    if entry.is_symlink() {
        let mut to = String::new();
        entry.read_to_string(&mut to)?;
        ensure!(!to.contains('/'), "a link leads out of its folder");
        return link(&to, target);
    }
    let mut file = File::create(target)?;
    io::copy(entry, &mut file)?;
    file.flush()?;
    if target.starts_with(folder.join("lib")) {
        // Thousands of headers may wait in memory; a library cut by a power failure would be hard to find.
        file.sync_all()?;
    }
    #[cfg(unix)]
    if let Some(mode) = entry.unix_mode() {
        use std::os::unix::fs::PermissionsExt;
        let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
        fs::set_permissions(target, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// A link beside its target.
pub(crate) fn link(to: &str, path: &Path) -> Result<()> {
    #[cfg(unix)]
    let linked = std::os::unix::fs::symlink(to, path);
    #[cfg(not(unix))]
    let linked = fs::copy(path.with_file_name(to), path).map(|_| ());
    linked.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_has_an_archive_with_its_hash() {
        for platform in [Platform::LinuxX86, Platform::LinuxArm, Platform::MacArm] {
            let Published { archive, wheels } = Published::on(platform);
            assert!(
                archive.urls.iter().all(|url| url.starts_with("https://"))
                    && archive.urls.len() == 1
            );
            assert_eq!(wheels.len(), if platform == Platform::LinuxX86 { 3 } else { 0 });
            for file in wheels.iter().chain([&archive]) {
                assert_eq!(file.sha256.len(), 64, "{}", file.name);
            }
        }
    }
}
