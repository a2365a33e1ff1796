//! The crates of the workspace as their laws see them: each root of each crate with its modules.

use std::path::Path;

use anyhow::Result;

use crate::contents::CHAPTERS;
use crate::modules::{Module, modules};

/// Folders of a crate that are no lesson, each of which may name those before it. What is in no folder, or in one
/// beside the lesson such as `format/` and `support/`, comes before all of them.
const ORDER: [&str; 4] = ["fast", "run", "serve", "command"];
/// Folders that a lesson may name and no chapter needs to show.
const BESIDE: [&str; 2] = ["format", "support"];

/// A library or a program of a crate.
pub struct Root {
    /// The crate.
    pub krate: String,
    /// Its modules; the root itself comes first.
    pub modules: Vec<Module>,
}

/// The libraries and programs of all chapters in reading order, then those of the task runner.
pub fn roots(project: &Path) -> Result<Vec<Root>> {
    let mut roots = Vec::new();
    let chapters =
        CHAPTERS.iter().map(|chapter| (chapter.name, format!("crates/{}", chapter.name)));
    for (krate, folder) in chapters.chain([("xtask", "xtask".to_owned())]) {
        for root in ["src/lib.rs", "src/main.rs"] {
            let root = project.join(&folder).join(root);
            if root.is_file() {
                roots.push(Root { krate: krate.to_owned(), modules: modules(&root)? });
            }
        }
    }
    Ok(roots)
}

/// How late a module comes in its crate. A program's root is the last thing of all.
pub fn rank(module: &Module) -> usize {
    if module.file.ends_with("main.rs") { ORDER.len() } else { rank_of(&module.path) }
}

/// The rank of a path from the root of its crate: 0 for the lesson, up to 4 for the commands.
pub fn rank_of(path: &[String]) -> usize {
    let place = |folder: &String| ORDER.iter().position(|late| late == folder);
    path.first().and_then(place).map_or(0, |place| place + 1)
}

/// The name of a rank.
pub fn folder(rank: usize) -> &'static str {
    rank.checked_sub(1).map_or("the lesson", |place| ORDER[place])
}

impl Root {
    /// Whether it belongs to a chapter.
    pub fn is_chapter(&self) -> bool {
        CHAPTERS.iter().any(|chapter| chapter.name == self.krate)
    }

    /// The modules that a chapter teaches: all but the roots, the folders and the tests.
    pub fn lesson(&self) -> impl Iterator<Item = &Module> {
        self.modules.iter().filter(|module| {
            let is_beside =
                module.path.first().is_some_and(|first| BESIDE.contains(&first.as_str()));
            !module.path.is_empty() && !is_beside && !module.is_for_tests && rank(module) == 0
        })
    }
}
