//! Where libtorch comes from, and how cargo and the programs find it.
//!
//! The binding wants exactly one version of libtorch. It is taken, in this order, from
//!
//! 1. the Python whose PyTorch `LIBTORCH_USE_PYTORCH` asks for, or the folder that `LIBTORCH` names; both are checked;
//! 2. PyTorch's official archive for the CPU, unpacked to `libtorch/`;
//! 3. where that host cannot be reached: PyTorch's wheel, downloaded by pip, of which the CPU's part is kept.
//!
//! Archives are checked by their SHA-256 and unpacked beside the final place; a rename is the last step, so that
//! `libtorch/` is either whole or absent, whenever the setup is interrupted. Then `.cargo/libtorch.toml`, which
//! `.cargo/config.toml` includes, tells cargo where libtorch is and programs where their libraries lie.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::archive::{self, Archive, find, link, unpack};
use crate::doctor;
use crate::download::{self, Download, Limits};
use crate::progress::megabytes;

/// The version that the binding (tch 0.26) is made for.
pub const VERSION: &str = "2.13.0";

/// Archives, what is unpacked from them, and pip's own copies: as much must be free before the setup begins.
pub const NEEDED_BYTES: u64 = 2_000_000_000;

const CONFIG: &str = ".cargo/libtorch.toml";
/// Work in progress; git ignores it, and a finished setup removes it.
const WORK: &str = "libtorch.tmp";

/// The machines that PyTorch publishes a libtorch for, and that this project is for.
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
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", _) if cfg!(target_env = "musl") => {
                bail!(
                    "libtorch needs glibc and this system has musl; use a glibc distribution such as Debian, or a container of one"
                )
            }
            ("linux", "x86_64") => Ok(Self::LinuxX86),
            ("linux", "aarch64") => Ok(Self::LinuxArm),
            ("macos", "aarch64") => Ok(Self::MacArm),
            ("macos", arch) => {
                bail!(
                    "PyTorch no longer publishes libtorch for Macs with {arch}; use a Mac with Apple silicon, or Linux"
                )
            }
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

/// Everything that decides what the setup does; a value, so that tests can change it.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The project's root folder.
    pub root: PathBuf,
    /// The machine.
    pub platform: Platform,
    /// The variable `LIBTORCH`.
    pub libtorch: Option<PathBuf>,
    /// Whether the variable `LIBTORCH_USE_PYTORCH` is set.
    pub use_pytorch: bool,
    /// The official archive.
    pub archive: Archive,
    /// The wheels that pip fetches where the archive cannot be had.
    pub wheels: Vec<Archive>,
    /// The Python that runs pip.
    pub python: OsString,
    /// How long to wait for the official host.
    pub limits: Limits,
}

/// `cargo xtask setup [--force]`: provides libtorch and writes `.cargo/libtorch.toml`.
///
/// # Errors
/// If no source of libtorch works; one sentence says why and what to do.
pub fn run(root: &Path, force: bool) -> Result<()> {
    Setup::new(root)?.run(force)
}

/// What every other command calls first: returns at once where libtorch is there, else runs the setup.
///
/// # Errors
/// As [`run`].
pub fn ensure(root: &Path) -> Result<()> {
    let setup = Setup::new(root)?;
    match setup.present() {
        Ok(Some(home)) => setup.tell_cargo(&home),
        _ => setup.run(false),
    }
}

impl Setup {
    /// What this machine and its environment ask for.
    ///
    /// # Errors
    /// If there is no libtorch for this machine.
    pub fn new(root: &Path) -> Result<Self> {
        Ok(Self::on(Platform::here()?, root))
    }

    /// The same for a given machine.
    pub fn on(platform: Platform, root: &Path) -> Self {
        let (archive, wheels) = archive::published(platform);
        Self {
            root: root.canonicalize().unwrap_or_else(|_| root.to_path_buf()),
            platform,
            libtorch: std::env::var_os("LIBTORCH")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            use_pytorch: std::env::var_os("LIBTORCH_USE_PYTORCH").is_some(),
            archive,
            wheels,
            python: "python3".into(),
            limits: Limits { connect: Duration::from_secs(5), attempts: 2, ..Limits::default() },
        }
    }

    /// Provides libtorch and tells cargo where it is.
    ///
    /// # Errors
    /// If no source works.
    pub fn run(&self, force: bool) -> Result<()> {
        doctor::find_compiler()?;
        if force && self.libtorch.is_some() && self.libtorch == self.configured() {
            // Only our own file may have set the variable; --force is the way back to a copy of our own.
            return Self { libtorch: None, ..self.clone() }.run(force);
        }
        let home = match self.present()? {
            Some(home) if !force || home != self.own() => home,
            _ => {
                self.provide(force)?;
                self.own()
            }
        };
        self.tell_cargo(&home)?;
        eprintln!("libtorch {VERSION} is in {}; cargo knows it from {CONFIG}", home.display());
        Ok(())
    }

    /// The folder of our own copy.
    pub fn own(&self) -> PathBuf {
        self.root.join("libtorch")
    }

    /// The libtorch that the environment names, or else our own, if it is there and in order.
    ///
    /// # Errors
    /// If the environment names one that is not in order.
    pub fn present(&self) -> Result<Option<PathBuf>> {
        let own = self.own();
        if self.use_pytorch {
            let home = python_torch().context("LIBTORCH_USE_PYTORCH is set")?;
            self.check(&home).context(
                "LIBTORCH_USE_PYTORCH is set; unset it, or give that Python PyTorch 2.13.0",
            )?;
            return Ok(Some(home));
        }
        if let Some(named) = &self.libtorch {
            let home = std::path::absolute(self.root.join(named))?;
            if home != own && home.canonicalize().ok() != own.canonicalize().ok() {
                match self.check(&home) {
                    Ok(()) => return Ok(Some(home)),
                    // Cargo itself sets the variable from the file that an earlier setup wrote.
                    Err(_) if self.configured().as_deref() == Some(&home) => {}
                    Err(error) => {
                        return Err(error.context(format!(
                            "the variable LIBTORCH names {}; point it at libtorch {VERSION}, or unset it and run `cargo xtask setup`",
                            home.display()
                        )));
                    }
                }
            }
        }
        Ok(self.check(&own).is_ok().then_some(own))
    }

    /// Whether `home` holds what the binding needs, in the right version.
    ///
    /// # Errors
    /// If not; the message says what is wrong.
    pub fn check(&self, home: &Path) -> Result<()> {
        ensure!(home.is_dir(), "{} is not there", home.display());
        for library in ["torch", "torch_cpu", "c10"] {
            let path = home.join("lib").join(self.platform.library(library));
            let size = fs::metadata(&path).map_or(0, |data| data.len());
            ensure!(size > 0, "the library {} is missing", path.display());
        }
        let header = home.join("include/torch/csrc/api/include/torch/torch.h");
        ensure!(header.is_file(), "the header {} is missing", header.display());
        let version =
            version(home).ok_or_else(|| anyhow!("{} does not say its version", home.display()))?;
        ensure!(
            version == VERSION,
            "{} holds version {version}, and the binding needs {VERSION}",
            home.display()
        );
        Ok(())
    }

    /// The folder outside the project that an earlier setup told cargo of.
    fn configured(&self) -> Option<PathBuf> {
        let text = fs::read_to_string(self.root.join(CONFIG)).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix("LIBTORCH = "))?;
        serde_json::from_str(value).ok()
    }

    /// What `.cargo/libtorch.toml` has to say.
    ///
    /// # Errors
    /// If the folder's name cannot be told to a linker.
    pub fn config(&self, home: &Path) -> Result<String> {
        let text = |path: &Path| -> Result<String> {
            let text = path
                .to_str()
                .ok_or_else(|| anyhow!("{} is not UTF-8; move the project", path.display()))?;
            ensure!(
                !text.contains(','),
                "{text} holds a comma, which linkers split at; move the project"
            );
            Ok(text.to_owned())
        };
        let value = if home == self.own() {
            "{ value = \"libtorch\", relative = true }".to_owned()
        } else {
            quoted(&text(home)?)
        };
        let rpath = quoted(&format!("link-arg=-Wl,-rpath,{}", text(&home.join("lib"))?));
        Ok(format!(
            "# Written by `cargo xtask setup`.\n[env]\nLIBTORCH = {value}\n\n[target.{}]\nrustflags = [\"-C\", {rpath}]\n",
            self.platform.target()
        ))
    }

    /// Writes `.cargo/libtorch.toml`, unless it says the same already: a new date would make cargo build anew.
    fn tell_cargo(&self, home: &Path) -> Result<()> {
        download::write_atomically(&self.root.join(CONFIG), &self.config(home)?)
    }

    /// Puts our own copy in its place.
    fn provide(&self, force: bool) -> Result<()> {
        // A lock on the folder itself leaves no file behind.
        let folder = File::open(&self.root)
            .with_context(|| format!("cannot open {}", self.root.display()))?;
        if matches!(folder.try_lock(), Err(TryLockError::WouldBlock)) {
            eprintln!("another setup is at work here; waiting for it");
            folder.lock().with_context(|| format!("cannot lock {}", self.root.display()))?;
        }
        if !force && self.check(&self.own()).is_ok() {
            return Ok(());
        }
        if let Some(free) = doctor::free_bytes(&self.root) {
            ensure!(
                free >= NEEDED_BYTES,
                "the setup needs {} and {} has {} left; free some space and run `cargo xtask setup`",
                megabytes(NEEDED_BYTES),
                self.root.display(),
                megabytes(free)
            );
        }

        let work = self.root.join(WORK);
        let (downloads, unpacked) = (work.join("downloads"), work.join("unpacked"));
        remove(&unpacked)?;
        fs::create_dir_all(&downloads)
            .with_context(|| format!("cannot write {}", downloads.display()))?;
        let done = self.obtain(&downloads, &unpacked).and_then(|()| self.finish(&unpacked));
        if let Err(error) = done {
            remove(&unpacked)?;
            // What arrived whole, or in part, saves the next attempt the time.
            let _ = fs::remove_dir(&downloads);
            let _ = fs::remove_dir(&work);
            return Err(error);
        }
        let (own, old) = (self.own(), work.join("old"));
        remove(&old)?;
        if own.symlink_metadata().is_ok() {
            fs::rename(&own, &old).with_context(|| format!("cannot replace {}", own.display()))?;
        }
        fs::rename(&unpacked, &own).with_context(|| format!("cannot write {}", own.display()))?;
        remove(&work)
    }

    /// Downloads and unpacks, from the first source that works.
    fn obtain(&self, downloads: &Path, unpacked: &Path) -> Result<()> {
        // Wheels that an earlier attempt brought are as good as the archive.
        let here = self.wheels.iter().all(|wheel| find(downloads, wheel).is_some());
        let refused = if here && !self.wheels.is_empty() {
            None
        } else {
            eprintln!("libtorch {VERSION} comes from PyTorch's official archive");
            let file = downloads.join(&self.archive.name);
            let archive = &self.archive;
            let download = Download {
                urls: archive.urls.clone(),
                size: archive.size,
                sha256: Some(archive.sha256.clone()),
                limits: self.limits,
            };
            match download.to(&file) {
                Ok(()) => return unpack(&file, unpacked, archive.place),
                Err(error) => Some(error),
            }
        };
        if self.wheels.is_empty() {
            let refused =
                refused.unwrap_or_else(|| anyhow!("there is no source for this platform"));
            return Err(refused.context(format!(
                "libtorch cannot be downloaded (a libtorch {VERSION} in any folder will do, with LIBTORCH set to that folder)"
            )));
        }
        if let Some(refused) = &refused {
            eprintln!("{refused:#}\ntaking PyTorch's wheel by pip instead");
        }
        for wheel in &self.wheels {
            let file = self.by_pip(wheel, downloads)?;
            unpack(&file, unpacked, wheel.place)?;
        }
        Ok(())
    }

    /// One wheel, downloaded by pip if it is not here yet.
    fn by_pip(&self, wheel: &Archive, downloads: &Path) -> Result<PathBuf> {
        if let Some(file) = find(downloads, wheel) {
            return Ok(file);
        }
        doctor::find_pip(&self.python)?;
        let mut pip = Command::new(&self.python);
        pip.args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--disable-pip-version-check",
            "--only-binary=:all:",
        ]);
        pip.args(wheel.tags).arg("--dest").arg(downloads).arg(&wheel.name);
        eprintln!("python3 -m pip download {}", wheel.name);
        let status = pip.stdin(Stdio::null()).stdout(to_stderr()).status();
        let status = status.with_context(|| format!("cannot run {}", self.python.display()))?;
        ensure!(
            status.success(),
            "pip could not download {} (its own message stands above); check the connection, or set LIBTORCH to a folder with libtorch {VERSION}",
            wheel.name
        );
        find(downloads, wheel).ok_or_else(|| {
            anyhow!(
                "pip delivered another file than the published {} (SHA-256 {}); unset PIP_INDEX_URL, PIP_EXTRA_INDEX_URL and PIP_FIND_LINKS, remove {} and run `cargo xtask setup`",
                wheel.name,
                wheel.sha256,
                downloads.display()
            )
        })
    }

    /// What no archive brings along.
    fn finish(&self, unpacked: &Path) -> Result<()> {
        let lib = unpacked.join("lib");
        let torch = lib.join(self.platform.library("torch"));
        if !torch.exists() && lib.join(self.platform.library("torch_cpu")).exists() {
            link(&self.platform.library("torch_cpu"), &torch)?;
        }
        if version(unpacked).is_none_or(|version| version == VERSION) {
            fs::write(unpacked.join("build-version"), format!("{VERSION}\n"))?;
        }
        self.check(unpacked).context("the archive does not hold a whole libtorch")
    }
}

/// The version of the libtorch in `home`, without a suffix such as `+cpu`.
pub fn version(home: &Path) -> Option<String> {
    let read = |name: &str| fs::read_to_string(home.join(name)).ok();
    let quoted = |line: &str| line.split(['"', '\'']).nth(1).map(str::to_owned);
    let full = read("build-version")
        .or_else(|| {
            read("version.py")?
                .lines()
                .find(|line| line.starts_with("__version__"))
                .and_then(quoted)
        })
        .or_else(|| {
            let header = read("include/torch/headeronly/version.h")?;
            header.split("#define TORCH_VERSION \\").nth(1).and_then(quoted)
        })?;
    Some(full.trim().split('+').next().unwrap_or_default().to_owned())
}

/// The folder of the PyTorch that the binding would take: from `python` in a virtual environment, else from `python3`.
fn python_torch() -> Result<PathBuf> {
    let python = if std::env::var_os("VIRTUAL_ENV").is_some() { "python" } else { "python3" };
    let script = "import importlib.util as u; print(list(u.find_spec('torch').submodule_search_locations)[0])";
    let output = Command::new(python).args(["-c", script]).stderr(Stdio::null()).output();
    let found = output.ok().filter(|output| output.status.success());
    let folder = found.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    folder.ok_or_else(|| {
        anyhow!(
            "{python} has no PyTorch; install it with `{python} -m pip install torch=={VERSION}`, or unset the variable"
        )
    })
}

/// A string as TOML wants it; JSON's escapes are valid there too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// What a child prints goes to stderr, as all progress does.
fn to_stderr() -> Stdio {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from)
    }
    #[cfg(not(unix))]
    Stdio::null()
}
