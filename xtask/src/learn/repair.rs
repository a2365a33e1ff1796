//! `start --repair`: the project has moved, and the reader's workspace still names the old folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;
use toml::Table;
use xtask::setup;

use super::manifests::toml_string;
use super::state::FOLDER;
use super::{Outcome, text, workspace, wrong_use};
use crate::files::matching;

/// Lets a workspace name the project where it is now; nothing else in it changes.
pub fn run(project: &Path, folder: &Path) -> Result<Outcome> {
    if !folder.join(FOLDER).is_dir() {
        return Err(wrong_use(format!("{} is no reader's workspace", folder.display())));
    }
    setup::ensure(project)?;
    let folder = folder.canonicalize()?;
    let old = named_project(&folder)?;
    let repaired = rename(&folder, &old, project)?;
    workspace::link_public_data(project, &folder)?;
    workspace::write_libtorch(project, &folder)?;
    println!("{repaired} files named {}; they name {} now", old.display(), project.display());
    Ok(Outcome::Done)
}

/// The project that a workspace names.
fn named_project(folder: &Path) -> Result<PathBuf> {
    let file = folder.join(".cargo/config.toml");
    let config: Table = fs::read_to_string(&file)?.parse()?;
    let words = config.get("alias").and_then(|alias| alias.get("learn")?.as_array());
    let manifest = words.into_iter().flatten().filter_map(|word| word.as_str());
    let manifest = manifest.map(Path::new).find(|word| word.ends_with("Cargo.toml"));
    let project = manifest.and_then(Path::parent);
    let project = project.with_context(|| {
        format!("{} does not say where the project was: it has lost `cargo learn`", file.display())
    })?;
    Ok(project.to_path_buf())
}

/// Names another folder in the manifests and cargo's settings; returns in how many files.
fn rename(folder: &Path, old: &Path, new: &Path) -> Result<usize> {
    let within = |path: &Path| {
        Ok::<_, anyhow::Error>(toml_string(path)?.trim_end_matches('"').to_owned() + "/")
    };
    let (old, new) = (within(old)?, within(new)?);
    let mut repaired = 0;
    for pattern in ["Cargo.toml", "crates/*/Cargo.toml", ".cargo/config.toml"] {
        for file in matching(folder, pattern)? {
            let before = fs::read_to_string(&file)?;
            let after = before.replace(&old, &new);
            if after != before {
                text::write(&file, &after)?;
                repaired += 1;
            }
        }
    }
    Ok(repaired)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;
    use crate::learn::manifests;

    #[test]
    fn all_that_named_the_old_folder_names_the_new_one_and_the_rest_stays() {
        let (old, new) = (Path::new("/home/me/gpt2"), Path::new("/home/me/books/gpt2"));
        let member = "[dependencies]\nmine = \"1\"\n\n[[test]]\npath = \"/home/me/gpt2/crates/a/tests/b.rs\"\n";
        let config = manifests::cargo_config(old).expect("made");
        let folder = project(&[
            ("Cargo.toml", "xtask = { path = \"/home/me/gpt2/xtask\" }\n# not /home/me/gpt2-old\n"),
            ("crates/a/Cargo.toml", member),
            ("crates/b/Cargo.toml", "[package]\n"),
            (".cargo/config.toml", &config),
        ]);
        assert_eq!(named_project(folder.path()).expect("named"), old);
        assert_eq!(rename(folder.path(), old, new).expect("renamed"), 3);
        assert_eq!(named_project(folder.path()).expect("named"), new);
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("there");
        assert_eq!(read("crates/a/Cargo.toml"), member.replace("me/gpt2", "me/books/gpt2"));
        assert!(read("Cargo.toml").contains("books/gpt2/xtask\" }\n# not /home/me/gpt2-old"));
        assert_eq!(rename(folder.path(), old, new).expect("nothing to do"), 0);
    }

    #[test]
    fn a_folder_that_is_no_workspace_is_refused_and_left_alone() {
        let folder = project(&[("Cargo.toml", "[workspace]\n")]);
        let error = run(Path::new("/"), folder.path()).expect_err("no workspace").to_string();
        assert!(error.ends_with("is no reader's workspace"), "{error}");
    }
}
