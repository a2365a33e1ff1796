//! What is wrong on this machine, and which command mends it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, anyhow, bail, ensure};

use crate::progress::megabytes;
use crate::setup::{self, Platform, Setup};

/// The oldest compiler that builds this workspace, as `rust-toolchain.toml` pins it.
const RUST: (u32, u32) = (1, 95);

/// A program that the system's package manager can install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Package {
    /// The C++ compiler that builds tch's binding.
    Compiler,
    /// Python with pip.
    Pip,
}

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

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match &self.finding {
            Finding::Good(text) => write!(f, "ok     {name:<14} {text}"),
            Finding::Note(text) => write!(f, "note   {name:<14} {text}"),
            Finding::Wrong(text, mend) => {
                write!(f, "WRONG  {name:<14} {text}\n       {:<14} {mend}", "mend it:")
            }
        }
    }
}

/// `cargo xtask doctor`: prints a line for each check.
///
/// # Errors
/// If something is wrong.
pub fn run(root: &Path) -> Result<()> {
    let checks = examine(root);
    for check in &checks {
        println!("{check}");
    }
    let wrong = checks.iter().filter(|check| matches!(check.finding, Finding::Wrong(..))).count();
    match wrong {
        0 => println!("all is well"),
        1 => bail!("one thing is wrong; the line below it mends it"),
        _ => bail!("{wrong} things are wrong; mend the first, then run `cargo xtask doctor` again"),
    }
    Ok(())
}

/// All checks, in the order in which to mend what is wrong.
pub fn examine(root: &Path) -> Vec<Check> {
    let platform = match Platform::here() {
        Ok(platform) => Finding::Good(platform.target().into()),
        Err(error) => Finding::Wrong("this system is not supported".into(), error.to_string()),
    };
    let mut checks = vec![
        Check { name: "platform", finding: platform },
        Check { name: "Rust", finding: rust(root) },
    ];
    if let Ok(setup) = Setup::new(root) {
        checks.extend(examine_setup(&setup));
    }
    checks
}

/// The checks of what a setup needs and of what it left.
pub fn examine_setup(setup: &Setup) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut add = |name, finding| checks.push(Check { name, finding });
    let present = setup.present();
    let absent = !matches!(present, Ok(Some(_)));
    add("C++ compiler", compiler());
    add("disk", disk(&setup.root, absent));
    add("pip", pip(&setup.python, absent && !setup.wheels.is_empty()));
    add(
        "libtorch",
        match &present {
            Ok(Some(home)) => Finding::Good(format!("{} in {}", setup::VERSION, home.display())),
            Ok(None) => match setup.check(&setup.own()) {
                Err(error) => Finding::Wrong(error.to_string(), "cargo xtask setup".into()),
                Ok(()) => Finding::Wrong("it is not set up".into(), "cargo xtask setup".into()),
            },
            Err(error) => Finding::Wrong(error.root_cause().to_string(), error.to_string()),
        },
    );
    if let Ok(Some(home)) = present {
        add("cargo", configuration(setup, &home));
        add(
            "build flags",
            flags(env::var_os("RUSTFLAGS").or_else(|| env::var_os("CARGO_ENCODED_RUSTFLAGS"))),
        );
        let variable = if setup.platform == Platform::MacArm {
            "DYLD_LIBRARY_PATH"
        } else {
            "LD_LIBRARY_PATH"
        };
        let library = setup.platform.library("torch_cpu");
        add(
            "library path",
            library_path(variable, env::var_os(variable), &home.join("lib"), &library),
        );
        add("run time", loads(&home.join("lib"), setup.platform));
    }
    checks
}

fn rust(root: &Path) -> Finding {
    let mend =
        format!("rustup toolchain install {}.{}.0   (rustup: https://rustup.rs)", RUST.0, RUST.1);
    let output = Command::new("rustc").arg("--version").current_dir(root).output();
    let Some(said) = output.ok().filter(|output| output.status.success()) else {
        return Finding::Wrong("rustc cannot be run".into(), mend);
    };
    let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    match rust_version(&said) {
        Some(version) if version >= RUST => Finding::Good(said),
        _ => Finding::Wrong(format!("{said} is older than {}.{}", RUST.0, RUST.1), mend),
    }
}

/// Major and minor version of what `rustc --version` says.
fn rust_version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The C++ compiler that the binding's build will call.
///
/// # Errors
/// If there is none; the message holds the command that installs one.
pub fn find_compiler() -> Result<PathBuf> {
    let named =
        env::var("CXX").ok().and_then(|cxx| cxx.split_whitespace().next().map(str::to_owned));
    let name = named.unwrap_or_else(|| "c++".into());
    which(&name, env::var_os("PATH").as_deref()).ok_or_else(|| {
        anyhow!(
            "no C++ compiler ({name}) is here, and the binding to libtorch is C++; install one: {}",
            install_command(Package::Compiler)
        )
    })
}

fn compiler() -> Finding {
    let mend = install_command(Package::Compiler);
    let Ok(path) = find_compiler() else {
        return Finding::Wrong(
            "none is installed, and the binding to libtorch is C++".into(),
            mend,
        );
    };
    match compile(&path, &["-std=c++17", "-fsyntax-only"], "#include <vector>\nint main() {}\n") {
        Ok(()) => Finding::Good(path.display().to_string()),
        Err(error) => {
            Finding::Wrong(format!("{} cannot compile C++17: {error}", path.display()), mend)
        }
    }
}

/// Compiles a program from text; the error is the compiler's first line.
fn compile(compiler: &Path, arguments: &[&str], program: &str) -> Result<()> {
    let mut child = Command::new(compiler)
        .args(["-x", "c++", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A compiler that ends early closes the pipe; what it has to say comes below.
        let _ = stdin.write_all(program.as_bytes());
    }
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", first_line(&output.stderr));
    Ok(())
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no message")
        .to_owned()
}

/// Whether `python` runs pip.
///
/// # Errors
/// If it does not; the message holds the command that installs it.
pub fn find_pip(python: &OsStr) -> Result<String> {
    let output =
        Command::new(python).args(["-m", "pip", "--version"]).stdin(Stdio::null()).output();
    let Ok(output) = output else {
        bail!(
            "{} is not installed; install it: {}",
            python.display(),
            install_command(Package::Pip)
        );
    };
    ensure!(
        output.status.success(),
        "{} has no pip; install it: {}",
        python.display(),
        install_command(Package::Pip)
    );
    Ok(String::from_utf8_lossy(&output.stdout)
        .split(" from ")
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned())
}

fn pip(python: &OsStr, needed: bool) -> Finding {
    match find_pip(python) {
        Ok(version) => Finding::Good(version),
        Err(error) if needed => {
            let what = error.to_string();
            let what = what.split("; ").next().unwrap_or_default();
            Finding::Wrong(
                format!("{what}; the setup needs it where PyTorch's own host cannot be reached"),
                install_command(Package::Pip),
            )
        }
        Err(_) => Finding::Note(format!(
            "not installed; only `cargo xtask reference` needs it ({})",
            install_command(Package::Pip)
        )),
    }
}

fn disk(root: &Path, absent: bool) -> Finding {
    let needed = if absent { setup::NEEDED_BYTES } else { 500_000_000 };
    match free_bytes(root) {
        None => Finding::Note("how much is free cannot be told".into()),
        Some(free) if free < needed => Finding::Wrong(
            format!("{} free, and {} are needed", megabytes(free), megabytes(needed)),
            format!(
                "remove what you do not need; `du -xh {} | sort -h | tail` shows what is large here",
                root.display()
            ),
        ),
        Some(free) => Finding::Good(format!("{} free", megabytes(free))),
    }
}

/// How much may still be written to the file system of `path`, as `df` says.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(path).stderr(Stdio::null()).output().ok()?;
    free_column(&String::from_utf8_lossy(&output.stdout))
}

/// The column before the percentage; a file system's name may hold blanks.
fn free_column(said: &str) -> Option<u64> {
    let words: Vec<&str> = said.lines().nth(1)?.split_whitespace().collect();
    let percentage = words.iter().position(|word| word.ends_with('%'))?;
    Some(words.get(percentage.checked_sub(1)?)?.parse::<u64>().ok()? * 1024)
}

fn configuration(setup: &Setup, home: &Path) -> Finding {
    let read = |name: &str| {
        std::fs::read_to_string(setup.root.join(".cargo").join(name)).unwrap_or_default()
    };
    let mend = "cargo xtask setup".to_owned();
    if !read("config.toml").contains("libtorch.toml") {
        return Finding::Wrong(
            ".cargo/config.toml does not include libtorch.toml".into(),
            "git checkout .cargo/config.toml".into(),
        );
    }
    let written = read("libtorch.toml");
    match setup.config(home) {
        Err(error) => Finding::Wrong(error.to_string(), mend),
        Ok(_) if written.is_empty() => {
            Finding::Wrong(".cargo/libtorch.toml is missing".into(), mend)
        }
        Ok(config) if config != written => Finding::Wrong(
            ".cargo/libtorch.toml is of another place (the folder or LIBTORCH has changed)".into(),
            mend,
        ),
        Ok(_) => Finding::Good(".cargo/libtorch.toml is up to date".into()),
    }
}

fn flags(variable: Option<OsString>) -> Finding {
    match variable {
        Some(flags) if !flags.is_empty() => Finding::Wrong(
            "RUSTFLAGS replaces the flags of .cargo/libtorch.toml, so programs would not find libtorch".into(),
            "unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS".into(),
        ),
        _ => Finding::Good("RUSTFLAGS is not set".into()),
    }
}

/// Libraries on this path come before those that the program was linked with.
fn library_path(variable: &str, value: Option<OsString>, lib: &Path, library: &str) -> Finding {
    let value = value.unwrap_or_default();
    let other = env::split_paths(&value).find(|folder| {
        folder.join(library).exists() && folder.canonicalize().ok() != lib.canonicalize().ok()
    });
    match other {
        Some(folder) => Finding::Wrong(
            format!("{variable} leads programs to another libtorch, in {}", folder.display()),
            format!("unset {variable}"),
        ),
        None => Finding::Good(format!("{variable} leads to no other libtorch")),
    }
}

/// Links the smallest program to libtorch, runs it, and so finds a library that is missing or does not fit.
fn loads(lib: &Path, platform: Platform) -> Finding {
    let mend = "cargo xtask setup --force";
    let Ok(compiler) = find_compiler() else {
        return Finding::Note("without a C++ compiler there is nothing to try it with".into());
    };
    let attempt = || -> Result<()> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("probe");
        let (search, rpath) =
            (format!("-L{}", lib.display()), format!("-Wl,-rpath,{}", lib.display()));
        let output = format!("-o{}", program.display());
        let mut arguments = vec![output.as_str(), &search, &rpath];
        if platform != Platform::MacArm {
            arguments.push("-Wl,--no-as-needed");
        }
        arguments.extend(["-ltorch_cpu", "-lc10"]);
        compile(&compiler, &arguments, "int main() { return 0; }\n")?;
        let ran = Command::new(&program).output()?;
        ensure!(ran.status.success(), "{}", first_line(&ran.stderr));
        Ok(())
    };
    match attempt() {
        Ok(()) => Finding::Good("a program links to libtorch and loads it".into()),
        Err(error) => {
            Finding::Wrong(format!("a program cannot load libtorch: {error}"), mend.into())
        }
    }
}

/// The command that installs a package with the package manager of this system.
pub fn install_command(package: Package) -> String {
    if cfg!(target_os = "macos") {
        return "xcode-select --install".into();
    }
    let path = env::var_os("PATH");
    let has = |name: &str| which(name, path.as_deref()).is_some();
    let (manager, compiler, pip) = if has("dnf") {
        ("dnf install", "gcc-c++", "python3-pip")
    } else if has("pacman") {
        ("pacman -S", "gcc", "python-pip")
    } else if has("zypper") {
        ("zypper install", "gcc-c++", "python3-pip")
    } else {
        ("apt-get install", "g++", "python3-pip")
    };
    format!("sudo {manager} {}", if package == Package::Compiler { compiler } else { pip })
}

/// The program called `name`: itself where it is a path, else the first of that name on `path`.
fn which(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    env::split_paths(path?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_the_path_and_nowhere_else() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("c++"), "").expect("written");
        assert_eq!(which("c++", Some(folder.path().as_os_str())), Some(folder.path().join("c++")));
        assert_eq!(which("c++", Some(OsStr::new("/no/such"))), None);
        assert_eq!(which("c++", None), None);
    }

    #[test]
    fn free_space_is_the_column_before_the_percentage() {
        let said = "Filesystem 1024-blocks Used Available Capacity Mounted on\nmap auto home 1000 400 600 40% /home\n";
        assert_eq!(free_column(said), Some(600 * 1024));
        assert_eq!(free_column("nothing\n"), None);
    }

    #[test]
    fn an_old_compiler_is_told_from_a_new_one() {
        assert!(rust_version("rustc 1.94.1 (abc 2026-02-02)") < Some(RUST));
        assert!(rust_version("rustc 1.95.0 (abc 2026-04-14)") >= Some(RUST));
        assert_eq!(rust_version("command not found"), None);
    }

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

    #[test]
    fn a_compiler_that_cannot_compile_says_why_in_one_line() {
        let Ok(compiler) = find_compiler() else {
            println!("skipped: no C++ compiler");
            return;
        };
        let said = compile(&compiler, &["-fsyntax-only"], "#include <no_such_header>\n")
            .expect_err("it cannot");
        assert!(
            said.to_string().contains("no_such_header") && !said.to_string().contains('\n'),
            "{said}"
        );
    }
}
