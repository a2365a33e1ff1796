//! How a libtorch comes here: PyTorch's official archive for the CPU or, where that host cannot be reached, PyTorch's
//! wheel, downloaded by pip, of which the CPU's part is kept. Both are known by their SHA-256.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::archive::{Archive, Published, link};
use crate::download::{Download, Limits};
use crate::libtorch::{self, VERSION, version};
use crate::platform::Platform;
use crate::tools;

/// Everything that decides where it comes from; a value, so that tests can change it.
#[derive(Debug, Clone)]
pub struct Source {
    /// The machine that it is for.
    pub platform: Platform,
    /// What there is for it.
    pub published: Published,
    /// The Python that runs pip.
    pub python: OsString,
    /// How long to wait for the official host.
    pub limits: Limits,
}

impl Source {
    /// What PyTorch offers for a machine.
    pub fn on(platform: Platform) -> Self {
        Self {
            platform,
            published: Published::on(platform),
            python: "python3".into(),
            limits: Limits { connect: Duration::from_secs(5), attempts: 2, ..Limits::default() },
        }
    }

    /// Downloads and unpacks, from the first source that works, and looks whether all of it is there.
    pub(crate) fn obtain(&self, downloads: &Path, unpacked: &Path) -> Result<()> {
        let Published { archive, wheels } = &self.published;
        // Wheels that an earlier attempt brought are as good as the archive.
        if wheels.is_empty() || wheels.iter().any(|wheel| wheel.find(downloads).is_none()) {
            eprintln!("libtorch {VERSION} comes from PyTorch's official archive");
            let file = downloads.join(&archive.name);
            match (Download { limits: self.limits, ..archive.download() }).to(&file) {
                Ok(()) => {
                    archive.unpack(&file, unpacked)?;
                    return self.finish(unpacked);
                }
                Err(refused) if wheels.is_empty() => {
                    return Err(refused.context(format!(
                        "libtorch cannot be downloaded (a libtorch {VERSION} in any folder will do, with LIBTORCH set to that folder)"
                    )));
                }
                Err(refused) => eprintln!("{refused:#}\ntaking PyTorch's wheel by pip instead"),
            }
        }
        for wheel in wheels {
            wheel.unpack(&self.by_pip(wheel, downloads)?, unpacked)?;
        }
        self.finish(unpacked)
    }

    /// One wheel, downloaded by pip if it is not here yet.
    fn by_pip(&self, wheel: &Archive, downloads: &Path) -> Result<PathBuf> {
        if let Some(file) = wheel.find(downloads) {
            return Ok(file);
        }
        tools::find_pip(&self.python)?;
        let mut pip = Command::new(&self.python);
        pip.args(["-m", "pip", "download", "--no-deps", "--disable-pip-version-check"]);
        pip.arg("--only-binary=:all:").args(&wheel.tags);
        pip.arg("--dest").arg(downloads).arg(&wheel.name);
        eprintln!("python3 -m pip download {}", wheel.name);
        let status = pip.stdin(Stdio::null()).stdout(io::stderr()).status();
        let status = status.with_context(|| format!("cannot run {}", self.python.display()))?;
        ensure!(
            status.success(),
            "pip could not download {} (its own message is above); check the connection, or set LIBTORCH to a folder with libtorch {VERSION}",
            wheel.name
        );
        wheel.find(downloads).with_context(|| {
            let (Archive { name, sha256, .. }, place) = (wheel, downloads.display());
            let mend = format!("unset PIP_INDEX_URL, PIP_EXTRA_INDEX_URL and PIP_FIND_LINKS, remove {place} and run `cargo xtask setup`");
            format!("pip delivered another file than the published {name} (SHA-256 {sha256}); {mend}")
        })
    }

    /// What no archive brings along.
    fn finish(&self, unpacked: &Path) -> Result<()> {
        let library = |name: &str| self.platform.library(name);
        let torch = unpacked.join("lib").join(library("torch"));
        if !torch.exists() && torch.with_file_name(library("torch_cpu")).exists() {
            link(&library("torch_cpu"), &torch)?;
        }
        if version(unpacked).is_none_or(|version| version == VERSION) {
            fs::write(unpacked.join("build-version"), format!("{VERSION}\n"))?;
        }
        libtorch::check(unpacked, self.platform)
            .context("the archive does not hold a whole libtorch")
    }
}
