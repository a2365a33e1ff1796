//! What is wrong on this machine, and which command mends it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::cargo_config as config;
use crate::libtorch::{self, VERSION};
use crate::platform::Platform;
use crate::progress::megabytes;
use crate::setup::{NEEDED_BYTES, Setup};
use crate::tools::{self, Package, compile, install_command};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// What was found: in order, or worth knowing, or wrong together with the command that mends it.
    pub finding: Finding,
}

/// The verdict of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// In order.
    Good(String),
    /// Not in order, and not needed now.
    Note(String),
    /// Wrong, and what to do about it.
    Wrong(String, String),
}

use Finding::{Good, Note, Wrong};

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match &self.finding {
            Good(text) => write!(f, "ok     {name:<14} {text}"),
            Note(text) => write!(f, "note   {name:<14} {text}"),
            Wrong(text, mend) => {
                write!(f, "WRONG  {name:<14} {text}\n       {:<14} {mend}", "mend it:")
            }
        }
    }
}

/// `cargo xtask doctor`: prints a line for each check, in the order in which to mend what is wrong.
///
/// # Errors
/// If something is wrong.
pub fn run(root: &Path) -> Result<()> {
    let platform = match Platform::here() {
        Ok(platform) => Good(platform.target().into()),
        Err(error) => Wrong("this system is not supported".into(), error.to_string()),
    };
    let mut checks = vec![Check { name: "platform", finding: platform }];
    if let Ok(setup) = Setup::new(root) {
        checks.extend(examine_setup(&setup));
    }
    for check in &checks {
        println!("{check}");
    }
    match checks.iter().filter(|check| matches!(check.finding, Wrong(..))).count() {
        0 => println!("all is well"),
        1 => bail!("one thing is wrong; the line below it mends it"),
        wrong => {
            bail!("{wrong} things are wrong; mend the first, then run `cargo xtask doctor` again")
        }
    }
    Ok(())
}

/// The checks of what a setup needs and of what it left.
pub fn examine_setup(setup: &Setup) -> Vec<Check> {
    let (present, platform) = (setup.present(), setup.source.platform);
    let absent = !matches!(present, Ok(Some(_)));
    let needs_pip = absent && !setup.source.published.wheels.is_empty();
    let mend = || "cargo xtask setup".to_owned();
    let there = match &present {
        Ok(Some(home)) => Good(format!("{VERSION} in {}", home.display())),
        Ok(None) => match libtorch::check(&setup.own(), platform) {
            Err(error) => Wrong(error.to_string(), mend()),
            Ok(()) => Wrong("it is not set up".into(), mend()),
        },
        Err(error) => Wrong(error.root_cause().to_string(), error.to_string()),
    };
    let mut checks = vec![
        ("C++ compiler", compiler()),
        ("disk", disk(&setup.root, absent)),
        ("pip", pip(&setup.source.python, needs_pip)),
        ("libtorch", there),
    ];
    if let Ok(Some(home)) = present {
        let lib = home.join("lib");
        let set = env::var_os("RUSTFLAGS").or_else(|| env::var_os("CARGO_ENCODED_RUSTFLAGS"));
        let is_mac = platform == Platform::MacArm;
        let variable = if is_mac { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
        let library = platform.library("torch_cpu");
        checks.extend([
            ("cargo", configuration(setup, &home)),
            ("build flags", flags(set)),
            ("library path", library_path(variable, env::var_os(variable), &lib, &library)),
            ("run time", loads(&lib, platform)),
        ]);
    }
    checks.into_iter().map(|(name, finding)| Check { name, finding }).collect()
}

fn compiler() -> Finding {
    let mend = install_command(Package::Compiler);
    let Ok(path) = tools::find_compiler() else {
        return Wrong("none is installed, and the binding to libtorch is C++".into(), mend);
    };
    match compile(&path, &["-std=c++17", "-fsyntax-only"], "#include <vector>\nint main() {}\n") {
        Ok(()) => Good(path.display().to_string()),
        Err(error) => Wrong(format!("{} cannot compile C++17: {error}", path.display()), mend),
    }
}

fn pip(python: &OsStr, needed: bool) -> Finding {
    let mend = install_command(Package::Pip);
    match tools::find_pip(python) {
        Ok(version) => Good(version),
        Err(error) if needed => {
            let what = error.to_string();
            let what = what.split("; ").next().unwrap_or_default();
            let why = "the setup needs it where PyTorch's own host cannot be reached";
            Wrong(format!("{what}; {why}"), mend)
        }
        Err(_) => Note(format!("not installed; only `cargo xtask reference` needs it ({mend})")),
    }
}

fn disk(root: &Path, absent: bool) -> Finding {
    let needed = if absent { NEEDED_BYTES } else { 500_000_000 };
    let Some(bytes) = tools::free_bytes(root) else {
        return Note("how much is free cannot be told".into());
    };
    let free = format!("{} free", megabytes(bytes));
    if bytes >= needed {
        return Good(free);
    }
    let look = format!("`du -xh {} | sort -h | tail` shows what is large here", root.display());
    let mend = format!("remove what you do not need; {look}");
    Wrong(format!("{free}, and {} are needed", megabytes(needed)), mend)
}

fn configuration(setup: &Setup, home: &Path) -> Finding {
    let read = |name: &str| fs::read_to_string(setup.root.join(name)).unwrap_or_default();
    if !read(".cargo/config.toml").contains("libtorch.toml") {
        let what = ".cargo/config.toml does not include libtorch.toml";
        return Wrong(what.into(), "git checkout .cargo/config.toml".into());
    }
    let (path, written) = (config::PATH, read(config::PATH));
    let what = match config::text(&setup.root, home, setup.source.platform) {
        Ok(text) if text == written => return Good(format!("{path} is up to date")),
        Ok(_) if written.is_empty() => format!("{path} is missing"),
        Ok(_) => format!("{path} is of another place (the folder or LIBTORCH has changed)"),
        Err(error) => error.to_string(),
    };
    Wrong(what, "cargo xtask setup".into())
}

fn flags(variable: Option<OsString>) -> Finding {
    if variable.is_none_or(|flags| flags.is_empty()) {
        return Good("RUSTFLAGS is not set".into());
    }
    let what =
        "RUSTFLAGS replaces the flags of .cargo/libtorch.toml, so programs would not find libtorch";
    Wrong(what.into(), "unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS".into())
}

/// Libraries on this path come before those that the program was linked with.
fn library_path(variable: &str, value: Option<OsString>, lib: &Path, library: &str) -> Finding {
    let other = env::split_paths(&value.unwrap_or_default()).find(|folder| {
        folder.join(library).exists() && folder.canonicalize().ok() != lib.canonicalize().ok()
    });
    let Some(folder) = other else {
        return Good(format!("{variable} leads to no other libtorch"));
    };
    let what = format!("{variable} leads programs to another libtorch, in {}", folder.display());
    Wrong(what, format!("unset {variable}"))
}

fn loads(lib: &Path, platform: Platform) -> Finding {
    let Ok(compiler) = tools::find_compiler() else {
        return Note("without a C++ compiler there is nothing to try it with".into());
    };
    let Err(error) = tools::link_and_run(&compiler, lib, platform) else {
        return Good("a program links to libtorch and loads it".into());
    };
    let what = format!("a program cannot load libtorch: {error}");
    Wrong(what, "cargo xtask setup --force".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_in_the_environment_and_another_libtorch_on_the_path_are_wrong() {
        assert!(matches!(flags(Some("-C target-cpu=native".into())), Finding::Wrong(..)));
        assert!(matches!(flags(None), Finding::Good(_)));
        let (ours, other) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        std::fs::write(other.path().join("libtorch_cpu.so"), "").expect("written");
        let look = |path: &Path| {
            library_path("LD_LIBRARY_PATH", Some(path.into()), ours.path(), "libtorch_cpu.so")
        };
        assert!(matches!(look(other.path()), Finding::Wrong(..)));
        assert!(matches!(look(ours.path()), Finding::Good(_)));
    }
}
