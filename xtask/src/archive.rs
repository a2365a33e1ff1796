//! What PyTorch publishes for each machine, and which of it the binding needs.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use zip::ZipArchive;

use crate::download::Download;
use crate::setup::Platform;

const PYTORCH: &str = "https://download.pytorch.org";

/// A zip file with libraries in it: an official archive, or a wheel.
#[derive(Debug, Clone)]
pub struct Archive {
    /// Its file name or, for one that pip fetches, what pip calls it.
    pub name: String,
    /// Where it can be had; empty for one that pip fetches.
    pub urls: Vec<String>,
    /// Its size, where it is known.
    pub size: Option<u64>,
    /// Its SHA-256.
    pub sha256: String,
    /// What pip must be told so that it finds it on any machine.
    pub tags: &'static [&'static str],
    /// Where one of its entries belongs below `libtorch/`, or nowhere.
    pub place: fn(&Path) -> Option<PathBuf>,
}

/// The official archive for a machine, and the wheels that take its place where PyTorch's host cannot be reached.
pub(crate) fn published(platform: Platform) -> (Archive, Vec<Archive>) {
    let official = |path: &str, size, sha256: &str, place| Archive {
        name: path.rsplit('/').next().unwrap_or(path).replace("%2B", "+"),
        urls: vec![format!("{PYTORCH}/{path}")],
        size,
        sha256: sha256.into(),
        tags: &[],
        place,
    };
    match platform {
        Platform::LinuxX86 => (
            official(
                "libtorch/cpu/libtorch-shared-with-deps-2.13.0%2Bcpu.zip",
                Some(126_385_248),
                "edbf4cbed78433d803e90a65f1752e57783d164bce66c95c0872b2ab8f5c159e",
                place_official,
            ),
            wheels_linux_x86(),
        ),
        Platform::LinuxArm => (
            official(
                "whl/cpu/torch-2.13.0%2Bcpu-cp314-cp314-manylinux_2_28_aarch64.whl",
                None,
                "ca021f9eb2f8345c83fa03e3a04587308afb8df71bd472670b3ece00df58621c",
                place_wheel_arm,
            ),
            Vec::new(),
        ),
        Platform::MacArm => (
            official(
                "libtorch/cpu/libtorch-macos-arm64-2.13.0.zip",
                Some(88_779_559),
                "1e10c6c4dc2764150c9fb2ad28e1889191302734e7f939108e5d2f22f21a06f8",
                place_official,
            ),
            Vec::new(),
        ),
    }
}

/// PyTorch's wheel for Linux on x86-64, and the two small libraries that its CPU part is linked against.
fn wheels_linux_x86() -> Vec<Archive> {
    const TORCH: &[&str] = &[
        "--python-version=3.11",
        "--implementation=cp",
        "--abi=cp311",
        "--platform=manylinux_2_28_x86_64",
    ];
    const NVIDIA: &[&str] = &[
        "--platform=manylinux2014_x86_64",
        "--platform=manylinux_2_17_x86_64",
        "--platform=manylinux_2_25_x86_64",
        "--platform=manylinux_2_28_x86_64",
    ];
    let wheel = |name: &str, size, sha256: &str, tags, place| Archive {
        name: name.into(),
        urls: Vec::new(),
        size: Some(size),
        sha256: sha256.into(),
        tags,
        place,
    };
    vec![
        wheel(
            "torch==2.13.0",
            526_574_961,
            "60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7",
            TORCH,
            place_wheel_x86,
        ),
        wheel(
            "nvidia-cuda-runtime==13.0.96",
            2_243_632,
            "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
            NVIDIA,
            place_nvidia,
        ),
        wheel(
            "nvidia-cuda-cupti==13.0.85",
            10_715_597,
            "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
            NVIDIA,
            place_nvidia,
        ),
    ]
}

/// `libtorch/include` and `libtorch/lib` as they are, without static libraries.
fn place_official(entry: &Path) -> Option<PathBuf> {
    let inside = entry.strip_prefix("libtorch").ok()?;
    let static_library = inside.extension().is_some_and(|extension| extension == "a");
    let wanted = inside.starts_with("include")
        || inside.starts_with("lib")
        || inside == Path::new("build-version");
    (wanted && !static_library).then(|| inside.to_path_buf())
}

/// Of the CUDA wheel: the headers and what the CPU needs.
fn place_wheel_x86(entry: &Path) -> Option<PathBuf> {
    place_wheel(entry, |name| {
        ["libtorch_cpu.so", "libc10.so"].contains(&name) || name.starts_with("libgomp")
    })
}

/// Of the CPU wheel: the headers and all libraries but Python's.
fn place_wheel_arm(entry: &Path) -> Option<PathBuf> {
    if let Ok(inside) = entry.strip_prefix("torch.libs") {
        return Some(Path::new("lib").join(inside));
    }
    place_wheel(entry, |name| {
        name.contains(".so") && !name.starts_with("libtorch_python") && !name.starts_with("libshm")
    })
}

fn place_wheel(entry: &Path, wanted: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let inside = entry.strip_prefix("torch").ok()?;
    let library = inside.strip_prefix("lib").ok().and_then(Path::to_str).is_some_and(wanted);
    (inside.starts_with("include") || library).then(|| inside.to_path_buf())
}

fn place_nvidia(entry: &Path) -> Option<PathBuf> {
    let name = entry.file_name()?;
    ["libcudart.so.13", "libcupti.so.13"]
        .map(OsStr::new)
        .contains(&name)
        .then(|| Path::new("lib").join(name))
}

/// Unpacks what `place` wants of a zip file into `folder`.
pub(crate) fn unpack(
    archive: &Path,
    folder: &Path,
    place: fn(&Path) -> Option<PathBuf>,
) -> Result<()> {
    let name = archive.file_name().unwrap_or_default().display();
    eprintln!("unpacking {name}");
    let trouble = |error: &dyn std::fmt::Display| anyhow!("cannot unpack {name}: {error}");
    let file = File::open(archive).map_err(|error| trouble(&error))?;
    let mut zip = ZipArchive::new(io::BufReader::new(file)).map_err(|error| trouble(&error))?;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(|error| trouble(&error))?;
        // An entry whose name leads out of the folder has no enclosed name.
        let Some(target) = entry.enclosed_name().as_deref().and_then(place) else { continue };
        if entry.is_dir() {
            continue;
        }
        let target = folder.join(target);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(|error| trouble(&error))?;
        }
        if entry.is_symlink() {
            let mut to = String::new();
            entry.read_to_string(&mut to).map_err(|error| trouble(&error))?;
            ensure!(!to.contains('/'), "cannot unpack {name}: a link leads out of its folder");
            link(&to, &target)?;
            continue;
        }
        let mut file = File::create(&target).map_err(|error| trouble(&error))?;
        io::copy(&mut entry, &mut file).map_err(|error| trouble(&error))?;
        file.flush().map_err(|error| trouble(&error))?;
        if target.starts_with(folder.join("lib")) {
            // Thousands of headers may wait in memory; a library cut by a power failure would be hard to find.
            file.sync_all().map_err(|error| trouble(&error))?;
        }
        #[cfg(unix)]
        if let Some(mode) = entry.unix_mode() {
            use std::os::unix::fs::PermissionsExt;
            let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
            fs::set_permissions(&target, fs::Permissions::from_mode(mode))
                .map_err(|error| trouble(&error))?;
        }
    }
    Ok(())
}

/// The file in `folder` that is this archive, whatever its name.
pub(crate) fn find(folder: &Path, archive: &Archive) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let known =
        Download { size: archive.size, sha256: Some(archive.sha256.clone()), ..Download::new("") };
    files.into_iter().find(|file| known.is_complete(file))
}

/// A link beside its target.
#[cfg(unix)]
pub(crate) fn link(to: &str, path: &Path) -> Result<()> {
    std::os::unix::fs::symlink(to, path).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(not(unix))]
pub(crate) fn link(to: &str, path: &Path) -> Result<()> {
    fs::copy(path.with_file_name(to), path)
        .map(|_| ())
        .with_context(|| format!("cannot write {}", path.display()))
}
