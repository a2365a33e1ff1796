//! The manifests of the reader's workspace, made from the project's.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use toml::{Table, Value};

use crate::contents::CHAPTERS;
use crate::files::matching;

/// Which warnings a crate's manifest asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lints {
    /// The project's.
    All,
    /// The project's, but for code that nobody calls or reaches, as there are holes.
    Holes,
    /// None.
    None,
}

/// The version of the reader's crates, which cargo must never take for the project's.
const VERSION: &str = "0.1.0-mine";

/// The manifest of the workspace.
pub fn workspace(project: &Path) -> Result<String> {
    let text = fs::read_to_string(project.join("Cargo.toml"))?;
    let xtask = toml_string(&project.join("xtask"))?;
    let mut made = text.clone();
    for (old, new) in [
        ("    \"xtask\",\n", String::new()),
        ("path = \"xtask\"", format!("path = {xtask}")),
        ("version = \"0.1.0\"", format!("version = \"{VERSION}\"")),
        // Your own crates are compiled often and run for seconds.
        ("[profile.dev]\nopt-level = 3", "[profile.dev]\nopt-level = 1".to_owned()),
    ] {
        ensure!(made.matches(old).count() == 1, "Cargo.toml must hold `{old}` once");
        made = made.replace(old, &new);
    }
    let lines = made.lines().filter(|line| !line.starts_with("exclude = "));
    Ok(lines.collect::<Vec<_>>().join("\n") + "\n")
}

/// The list of exact versions, with the versions of the reader's crates.
pub fn lock(project: &Path) -> Result<String> {
    let mut text = fs::read_to_string(project.join("Cargo.lock"))?;
    for chapter in &CHAPTERS {
        let old = format!("name = \"{}\"\nversion = \"0.1.0\"\n", chapter.name);
        ensure!(text.matches(&old).count() == 1, "Cargo.lock must name {} once", chapter.name);
        text = text.replace(&old, &old.replace("0.1.0", VERSION));
    }
    Ok(text)
}

/// The manifest of a chapter's crate: its tests stay in the project, where they cannot be edited by accident.
pub fn member(project: &Path, krate: &str, lints: Lints) -> Result<String> {
    let text = fs::read_to_string(project.join(format!("crates/{krate}/Cargo.toml")))?;
    // What follows belongs to the project's own measurements.
    let text = text.split("\n# Our side of").next().unwrap_or(&text);
    let rules = text.split("[lints]").next().unwrap_or(text).trim_end();
    let mut made = format!("{rules}\n");
    if krate == CHAPTERS[0].name {
        made = made.replace("[dependencies]\n", &format!("[dependencies]\n{}", unified(project)?));
    }
    made += match lints {
        Lints::All => "\n[lints]\nworkspace = true\n",
        Lints::Holes => {
            "\n# While there is something to write; the project's lints come back after it.\n[lints.rust]\nunused = \"allow\"\n"
        }
        Lints::None => "\n[lints.rust]\nwarnings = \"allow\"\n",
    };
    for test in matching(project, &format!("crates/{krate}/tests/*.rs"))? {
        let name = test.file_stem().context("a file has a name")?.to_string_lossy();
        if name != "fuzzed" {
            let path = toml_string(&test)?;
            write!(made, "\n[[test]]\nname = \"{name}\"\npath = {path}\n")?;
        }
    }
    Ok(made)
}

/// All that any of the crates depends on, as lines of the first one's manifest: whichever crate is built, its dependencies then have
/// the same features, and libtorch's binding is compiled once.
fn unified(project: &Path) -> Result<String> {
    let mut wanted = BTreeSet::new();
    let mut known = BTreeSet::new();
    for chapter in &CHAPTERS {
        let path = project.join(format!("crates/{}/Cargo.toml", chapter.name));
        let manifest: Table = fs::read_to_string(path)?.parse()?;
        for kind in ["dependencies", "dev-dependencies"] {
            let table = manifest.get(kind).and_then(Value::as_table).into_iter().flatten();
            let names: Vec<String> = table.map(|(name, _)| name.clone()).collect();
            if chapter.number == 1 && kind == "dependencies" {
                known.extend(names.clone());
            }
            wanted.extend(names);
        }
    }
    let is_chapter = |name: &String| CHAPTERS.iter().any(|chapter| chapter.name == name);
    let missing = wanted.difference(&known).filter(|name| !is_chapter(name));
    let lines: Vec<_> = missing.map(|name| format!("{name}.workspace = true\n")).collect();
    Ok(lines.concat())
}

/// A path as TOML writes it, which is as JSON does.
pub fn toml_string(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    Ok(serde_json::Value::from(text).to_string())
}

/// What cargo is told in the reader's workspace: where libtorch is, and what `cargo learn` means.
pub fn cargo_config(project: &Path) -> Result<String> {
    let manifest = toml_string(&project.join("Cargo.toml"))?;
    Ok(format!(
        "# Where libtorch is, as in the project.\ninclude = [{{ path = \"libtorch.toml\", optional = true }}]\n\n\
         [alias]\nlearn = [\"run\", \"--quiet\", \"--manifest-path\", {manifest}, \"--package\", \"xtask\", \"--\", \"learn\"]\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_made_manifests_are_toml_and_name_the_tests_of_the_project() {
        let project = xtask::project_root();
        let workspace: Table = workspace(&project).expect("made").parse().expect("TOML");
        let members = workspace["workspace"]["members"].as_array().expect("a list");
        assert_eq!(members.len(), 5);
        for chapter in &CHAPTERS {
            for lints in [Lints::All, Lints::Holes, Lints::None] {
                let made = member(&project, chapter.name, lints).expect("made");
                let made: Table = made.parse().expect("TOML");
                assert!(made.contains_key("lints") && made.contains_key("package"));
                for test in made["test"].as_array().expect("tests") {
                    let path = Path::new(test["path"].as_str().expect("a path"));
                    assert!(path.is_file() && !path.ends_with("fuzzed.rs"), "{}", path.display());
                }
            }
        }
        assert!(
            lock(&project).expect("made").contains("name = \"model\"\nversion = \"0.1.0-mine\"")
        );
        assert!(cargo_config(&project).expect("made").parse::<Table>().is_ok());
    }
}
