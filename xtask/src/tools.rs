//! The programs of this machine that the setup calls, and the commands that install them.

use std::env;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::platform::Platform;

/// A program that the system's package manager can install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Package {
    /// The C++ compiler that builds tch's binding.
    Compiler,
    /// Python with pip.
    Pip,
}

/// The command that installs a package with the package manager of this system.
pub fn install_command(package: Package) -> String {
    if cfg!(target_os = "macos") {
        return "xcode-select --install".into();
    }
    let managers = [
        ("dnf", "dnf install", "gcc-c++", "python3-pip"),
        ("pacman", "pacman -S", "gcc", "python-pip"),
        ("zypper", "zypper install", "gcc-c++", "python3-pip"),
    ];
    let path = env::var_os("PATH");
    let here = managers.into_iter().find(|(name, ..)| which(name, path.as_deref()).is_some());
    let (_, manager, compiler, pip) = here.unwrap_or(("", "apt-get install", "g++", "python3-pip"));
    format!("sudo {manager} {}", if package == Package::Compiler { compiler } else { pip })
}

/// The program called `name`: itself where it is a path, else the first of that name on `path`.
fn which(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    env::split_paths(path?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The C++ compiler that the binding's build will call.
///
/// # Errors
/// If there is none; the message holds the command that installs one.
pub fn find_compiler() -> Result<PathBuf> {
    let named = env::var("CXX").ok();
    let name = named.as_deref().and_then(|cxx| cxx.split_whitespace().next()).unwrap_or("c++");
    which(name, env::var_os("PATH").as_deref()).with_context(|| {
        let mend = install_command(Package::Compiler);
        format!("no C++ compiler ({name}) is here, and the binding to libtorch is C++; install one: {mend}")
    })
}

/// Compiles a program from text; the error is the compiler's first line.
pub(crate) fn compile(compiler: &Path, arguments: &[&str], program: &str) -> Result<()> {
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

/// Links the smallest program to libtorch, runs it, and so finds a library that is missing or does not fit.
pub(crate) fn link_and_run(compiler: &Path, lib: &Path, platform: Platform) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("probe");
    let (output, lib) = (format!("-o{}", program.display()), lib.display());
    let (search, rpath) = (format!("-L{lib}"), format!("-Wl,-rpath,{lib}"));
    let mut arguments = vec![output.as_str(), &search, &rpath];
    if platform != Platform::MacArm {
        arguments.push("-Wl,--no-as-needed");
    }
    arguments.extend(["-ltorch_cpu", "-lc10"]);
    compile(compiler, &arguments, "int main() { return 0; }\n")?;
    let ran = Command::new(&program).output()?;
    ensure!(ran.status.success(), "{}", first_line(&ran.stderr));
    Ok(())
}

/// The first line that says something.
fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or("no message").to_owned()
}

/// Whether `python` runs pip, and what that calls itself.
///
/// # Errors
/// If it does not; the message holds the command that installs it.
pub fn find_pip(python: &OsStr) -> Result<String> {
    let asked = Command::new(python).args(["-m", "pip", "--version"]).stdin(Stdio::null()).output();
    let lacks = match asked {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            return Ok(said.split(" from ").next().unwrap_or_default().trim().to_owned());
        }
        Ok(_) => "has no pip",
        Err(_) => "is not installed",
    };
    bail!("{} {lacks}; install it: {}", python.display(), install_command(Package::Pip))
}

/// How much may still be written to the file system of `path`, as `df` says.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(path).stderr(Stdio::null()).output().ok()?;
    free_column(&String::from_utf8_lossy(&output.stdout))
}

/// The column before the percentage; a file system's name may hold spaces.
fn free_column(said: &str) -> Option<u64> {
    let words: Vec<&str> = said.lines().nth(1)?.split_whitespace().collect();
    let percentage = words.iter().position(|word| word.ends_with('%'))?;
    Some(words.get(percentage.checked_sub(1)?)?.parse::<u64>().ok()? * 1024)
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
