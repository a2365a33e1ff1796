//! Where libtorch comes from, and how cargo and the programs find it.
//!
//! The binding wants exactly one version of libtorch. It is taken from the Python whose PyTorch `LIBTORCH_USE_PYTORCH`
//! asks for, or from the folder that `LIBTORCH` names, and both are checked; else from what PyTorch publishes, as
//! `obtain` brings it, in `libtorch/`. That is unpacked beside the final place; a rename is the last step, so that
//! `libtorch/` is either whole or absent, whenever the setup is interrupted.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::cargo_config as config;
use crate::libtorch::{self, VERSION};
use crate::obtain::Source;
use crate::platform::Platform;
use crate::progress::megabytes;
use crate::tools;

/// Archives, what is unpacked from them, and pip's own copies: as much must be free before the setup begins.
pub const NEEDED_BYTES: u64 = 2_000_000_000;

/// Work in progress; git ignores it, and a finished setup removes it.
const WORK: &str = "libtorch.tmp";

/// Everything that decides what the setup does; a value, so that tests can change it.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The project's root folder.
    pub root: PathBuf,
    /// The variable `LIBTORCH`.
    pub libtorch: Option<PathBuf>,
    /// Whether the variable `LIBTORCH_USE_PYTORCH` is set.
    pub use_pytorch: bool,
    /// Where a copy of our own comes from.
    pub source: Source,
}

/// `cargo xtask setup [--force]`: provides libtorch and tells cargo where it is.
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
        Ok(Some(home)) => config::write(&setup.root, &home, setup.source.platform),
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
        let named = std::env::var_os("LIBTORCH").filter(|path| !path.is_empty());
        Self {
            root: root.canonicalize().unwrap_or_else(|_| root.to_path_buf()),
            libtorch: named.map(PathBuf::from),
            use_pytorch: std::env::var_os("LIBTORCH_USE_PYTORCH").is_some(),
            source: Source::on(platform),
        }
    }

    /// Provides libtorch and tells cargo where it is.
    ///
    /// # Errors
    /// If no source works.
    pub fn run(&self, force: bool) -> Result<()> {
        tools::find_compiler()?;
        if force && self.libtorch.is_some() && self.libtorch == config::configured(&self.root) {
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
        config::write(&self.root, &home, self.source.platform)?;
        let place = home.display();
        eprintln!("libtorch {VERSION} is in {place}; cargo knows it from {}", config::PATH);
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
        let check = |home: &Path| libtorch::check(home, self.source.platform);
        let own = self.own();
        if self.use_pytorch {
            let home = libtorch::of_python().context("LIBTORCH_USE_PYTORCH is set")?;
            check(&home).context(
                "LIBTORCH_USE_PYTORCH is set; unset it, or give that Python PyTorch 2.13.0",
            )?;
            return Ok(Some(home));
        }
        if let Some(named) = &self.libtorch {
            let home = std::path::absolute(self.root.join(named))?;
            if home != own && home.canonicalize().ok() != own.canonicalize().ok() {
                let checked = check(&home);
                // Cargo itself sets the variable from the file that an earlier setup wrote.
                if checked.is_ok() || config::configured(&self.root).as_deref() != Some(&home) {
                    let mend = format!(
                        "point it at libtorch {VERSION}, or unset it and run `cargo xtask setup`"
                    );
                    let named = format!("the variable LIBTORCH names {}; {mend}", home.display());
                    return checked.map(|()| Some(home)).context(named);
                }
            }
        }
        Ok(check(&own).is_ok().then_some(own))
    }

    /// Puts our own copy in its place.
    fn provide(&self, force: bool) -> Result<()> {
        let _lock = lock(&self.root)?;
        if !force && libtorch::check(&self.own(), self.source.platform).is_ok() {
            return Ok(());
        }
        if let Some(free) = tools::free_bytes(&self.root) {
            let (needed, place) = (megabytes(NEEDED_BYTES), self.root.display());
            ensure!(
                free >= NEEDED_BYTES,
                "the setup needs {needed} and {place} has {} left; free some space and run `cargo xtask setup`",
                megabytes(free)
            );
        }
        let work = self.root.join(WORK);
        let (downloads, unpacked) = (work.join("downloads"), work.join("unpacked"));
        remove(&unpacked)?;
        fs::create_dir_all(&downloads)
            .with_context(|| format!("cannot write {}", downloads.display()))?;
        if let Err(error) = self.source.obtain(&downloads, &unpacked) {
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
}

/// Waits until no other setup is at work; a lock on the folder itself leaves no file behind.
fn lock(root: &Path) -> Result<File> {
    let folder = File::open(root).with_context(|| format!("cannot open {}", root.display()))?;
    if matches!(folder.try_lock(), Err(TryLockError::WouldBlock)) {
        eprintln!("another setup is at work here; waiting for it");
        folder.lock().with_context(|| format!("cannot lock {}", root.display()))?;
    }
    Ok(folder)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
