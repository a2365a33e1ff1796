//! A workspace of the reader's own, made from the project: the same crates, with the tests left behind.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use xtask::cargo_config;
use xtask::platform::Platform;

use super::manifests::{self, Lints};
use super::state::FOLDER;
use super::text;
use crate::contents::CHAPTERS;
use crate::files::matching;

/// Where the commands say which code they take if nobody asks, and what is there in the reader's workspace.
const OPTIONS: [&str; 2] =
    ["crates/train/src/command/options.rs", "crates/finetune/src/command/options/mod.rs"];
const PATH_OPTION: &str = "long, value_name = \"PATH\")]\n    pub path: Option<CodePath>";
const FAST_BY_DEFAULT: &str = " [default: fast where it does the same]";

/// Makes the crates and their manifests in a folder, whole.
pub fn make(project: &Path, folder: &Path, lints: Lints) -> Result<()> {
    for chapter in &CHAPTERS {
        let krate = format!("crates/{}", chapter.name);
        for part in ["src", "examples"] {
            copy(project, folder, &format!("{krate}/{part}/**/*"))?;
        }
        let manifest = manifests::member(project, chapter.name, lints)?;
        write(&folder.join(&krate).join("Cargo.toml"), &manifest)?;
    }
    for pattern in ["data/*", "data/reference/**/*", "chapters/figures/*"] {
        copy(project, folder, pattern)?;
    }
    for file in ["rust-toolchain.toml", "rustfmt.toml", "clippy.toml"] {
        copy(project, folder, file)?;
    }
    write(&folder.join("Cargo.toml"), &manifests::workspace(project)?)?;
    write(&folder.join("Cargo.lock"), &manifests::lock(project)?)?;
    link_public_data(project, folder)?;
    OPTIONS.iter().try_for_each(|file| take_the_lesson(&folder.join(file)))
}

/// What a folder of its own needs beside that: cargo's settings, and what the editor and git are told.
pub fn settle(project: &Path, folder: &Path) -> Result<()> {
    write(&folder.join(".cargo/config.toml"), &manifests::cargo_config(project)?)?;
    write_libtorch(project, folder)?;
    // So that what the editor builds does not lock the checks out.
    write(&folder.join("rust-analyzer.toml"), "[cargo]\ntargetDir = true\n")?;
    write(&folder.join(".gitignore"), "/target/\n/data/public\nruns/\n")
}

/// Tells cargo where libtorch is: where the project has it.
pub fn write_libtorch(project: &Path, folder: &Path) -> Result<()> {
    let libtorch = cargo_config::text(folder, &cargo_config::home(project), Platform::here()?)?;
    write(&folder.join(cargo_config::PATH), &libtorch)
}

/// Links the public data of the project, where it has some.
pub fn link_public_data(project: &Path, folder: &Path) -> Result<()> {
    let (public, link) = (project.join("data/public"), folder.join("data/public"));
    if link.is_symlink() {
        fs::remove_file(&link)?;
    }
    if public.is_dir() && !link.exists() {
        std::os::unix::fs::symlink(&public, &link)?;
    }
    Ok(())
}

/// Lets a command take the code of the lesson if nobody asks for the fast path.
fn take_the_lesson(options: &Path) -> Result<()> {
    let text = fs::read_to_string(options)?;
    let place = options.display();
    ensure!(text.matches(PATH_OPTION).count() == 1, "{place} must hold `{PATH_OPTION}` once");
    let with_default = PATH_OPTION.replace(")]", ", default_value = \"lesson\")]");
    write(options, &text.replace(PATH_OPTION, &with_default).replace(FAST_BY_DEFAULT, ""))
}

/// Copies the files that a pattern matches.
fn copy(project: &Path, folder: &Path, pattern: &str) -> Result<()> {
    for from in matching(project, pattern)? {
        let seen = from.strip_prefix(project)?;
        if from.is_file() && !seen.starts_with("data/public") {
            let to = folder.join(seen);
            fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::create_dir_all(file.parent().context("a file lies in a folder")?)?;
    text::write(file, text)
}

/// The files of a made workspace that a reader may change: those of the crates, but for their manifests, and the data.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for pattern in ["crates/*/src/**/*", "crates/*/examples/**/*", "data/*", "data/reference/**/*"]
    {
        all.extend(matching(folder, pattern)?);
    }
    all.retain(|file| file.is_file());
    Ok(all)
}

/// Says which warnings a crate of a workspace asks for, if it says otherwise now.
pub fn set_lints(project: &Path, folder: &Path, krate: &str, lints: Lints) -> Result<()> {
    let file = folder.join(format!("crates/{krate}/Cargo.toml"));
    let made = manifests::member(project, krate, lints)?;
    if fs::read_to_string(&file)? == made { Ok(()) } else { text::write(&file, &made) }
}

/// The folder for a new workspace, refused where that cannot be one.
pub fn refuse_or_take(project: &Path, folder: &Path) -> Result<PathBuf> {
    let place = folder.display();
    let is_empty = !folder.exists() || fs::read_dir(folder)?.next().is_none();
    ensure!(
        !folder.join(FOLDER).is_dir(),
        "{place} holds a workspace already: go there and type `cargo learn`, or name another folder"
    );
    ensure!(
        is_empty,
        "{place} is not empty; name another folder, as in `cargo xtask learn start ../my-gpt2`"
    );
    fs::create_dir_all(folder)?;
    let folder = folder.canonicalize()?;
    let inside = folder.starts_with(project.canonicalize()?);
    if inside {
        fs::remove_dir(&folder)?;
    }
    ensure!(
        !inside,
        "{place} lies inside the project, whose settings would hold for it too; name a folder outside of it"
    );
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_workspace_takes_the_lesson_by_default_and_holds_no_tests() {
        let project = xtask::project_root();
        let folder = tempfile::tempdir().expect("a folder");
        make(&project, folder.path(), Lints::All).expect("made");
        for options in OPTIONS {
            let text = fs::read_to_string(folder.path().join(options)).expect("there");
            assert!(text.contains("default_value = \"lesson\")]\n    pub path"), "{options}");
            assert!(!text.contains(FAST_BY_DEFAULT), "{options}");
        }
        assert!(folder.path().join("crates/attention/src/mask.rs").is_file());
        assert!(!folder.path().join("crates/attention/tests").exists());
        assert!(folder.path().join("data/reference/adamw.safetensors").is_file());
    }

    #[test]
    fn a_folder_that_is_not_empty_or_inside_the_project_is_refused_and_left_alone() {
        let project = tempfile::tempdir().expect("a folder");
        let elsewhere = tempfile::tempdir().expect("a folder");
        fs::write(elsewhere.path().join("letter.txt"), "dear").expect("written");
        let error = refuse_or_take(project.path(), elsewhere.path()).expect_err("not empty");
        assert!(error.to_string().contains("is not empty"), "{error}");
        let inside = project.path().join("my-gpt2");
        let error = refuse_or_take(project.path(), &inside).expect_err("inside");
        assert!(error.to_string().contains("inside the project") && !inside.exists(), "{error}");
        let new = elsewhere.path().join("new");
        assert!(refuse_or_take(project.path(), &new).is_ok() && new.is_dir());
    }
}
