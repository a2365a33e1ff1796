//! The modules of a crate, as its roots declare them, and where the paths that they name lead.

use std::path::{Path, PathBuf};

use anyhow::Result;
use syn::Item;

use crate::items::is_for_tests;
use crate::paths::{self, paths};
use crate::source::Source;

/// A module that has a file of its own.
pub struct Module {
    /// Its names from the root of its crate, which is `[]`.
    pub path: Vec<String>,
    /// Its file.
    pub file: PathBuf,
    /// What that holds.
    pub source: Source,
    /// Whether the file is for tests alone.
    pub is_for_tests: bool,
}

/// The modules below the root file of a library or program, the root first.
pub fn modules(root: &Path) -> Result<Vec<Module>> {
    let mut open = vec![(root.to_path_buf(), Vec::new(), false)];
    let mut found = Vec::new();
    while let Some((file, path, is_for_tests)) = open.pop() {
        let module = Module { source: Source::read(&file)?, path, file, is_for_tests };
        open.extend(module.children().into_iter().rev());
        found.push(module);
    }
    Ok(found)
}

impl Module {
    /// The modules that it declares by `mod name;`, each with its file.
    fn children(&self) -> Vec<(PathBuf, Vec<String>, bool)> {
        let owns_folder = self.path.is_empty() || self.file.ends_with("mod.rs");
        let folder =
            if owns_folder { self.file.with_file_name("") } else { self.file.with_extension("") };
        let declared = self.source.items.iter().filter_map(|item| match item {
            Item::Mod(module) if module.content.is_none() => {
                Some((module.ident.to_string(), is_for_tests(&module.attrs)))
            }
            _ => None,
        });
        let child = |(name, for_tests): (String, bool)| {
            let beside = folder.join(format!("{name}.rs"));
            let file = if beside.is_file() { beside } else { folder.join(&name).join("mod.rs") };
            (file, [&self.path[..], &[name]].concat(), self.is_for_tests || for_tests)
        };
        declared.map(child).collect()
    }

    /// The paths that it names inside its own crate, from the crate's root, each with what was written.
    pub fn names<'a>(
        &'a self,
        all: &'a [Module],
    ) -> impl Iterator<Item = (Vec<String>, paths::Path)> {
        let written = paths(&self.source.items);
        let imported: Vec<String> =
            written.iter().filter_map(|path| path.names.last().cloned()).collect();
        written.into_iter().filter_map(move |path| {
            let here = [&self.path[..], &path.inside].concat();
            let target = resolve(&path.names, here, &imported, all)?;
            Some((target, path))
        })
    }
}

/// Where a path leads from the module `here`, seen from the root of the crate; `None` where that is another crate.
///
/// Names that reach a file by a `use` of their own are passed over, since that is a path of its own.
fn resolve(
    names: &[String],
    here: Vec<String>,
    imported: &[String],
    all: &[Module],
) -> Option<Vec<String>> {
    let mut at = here;
    let mut rest = names;
    match names[0].as_str() {
        "crate" => {
            at.clear();
            rest = &names[1..];
        }
        "self" | "super" => {
            while let Some(first @ ("self" | "super")) = rest.first().map(String::as_str) {
                if first == "super" {
                    at.pop();
                }
                rest = &rest[1..];
            }
        }
        first => {
            let is_module = |path: &[String]| all.iter().any(|module| module.path == path);
            let child = [&at[..], &[first.to_owned()]].concat();
            if !is_module(&child) {
                // What is left came in by a glob from the root, or is no module of this crate.
                if imported.iter().any(|name| name == first) || !is_module(&names[..1]) {
                    return None;
                }
                at.clear();
            }
        }
    }
    at.extend_from_slice(rest);
    Some(at)
}

/// The number of the module that a path from the root of the crate leads into: the deepest that is on its way.
pub fn owner(target: &[String], all: &[Module]) -> Option<usize> {
    let on_the_way = (0..all.len()).filter(|index| target.starts_with(&all[*index].path));
    on_the_way.max_by_key(|index| all[*index].path.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    #[test]
    fn modules_are_found_in_each_of_the_places_that_a_file_may_have() {
        let folder = project(&[
            ("lib.rs", "pub mod a;\nmod b;\nmod inline { fn f() {} }\n#[cfg(test)]\nmod tests;\n"),
            ("a.rs", "mod c;\n"),
            ("a/c.rs", ""),
            ("b/mod.rs", "mod d;\n"),
            ("b/d.rs", ""),
            ("tests.rs", ""),
            ("unreached.rs", ""),
        ]);
        let all = modules(&folder.path().join("lib.rs")).expect("read");
        let found: Vec<_> =
            all.iter().map(|module| (module.path.join("::"), module.is_for_tests)).collect();
        let expected = [
            ("", false),
            ("a", false),
            ("a::c", false),
            ("b", false),
            ("b::d", false),
            ("tests", true),
        ];
        assert_eq!(found, expected.map(|(path, for_tests)| (path.to_owned(), for_tests)));
        assert!(modules(&folder.path().join("unreached.rs")).is_ok());
        std::fs::remove_file(folder.path().join("a/c.rs")).expect("removed");
        assert!(
            modules(&folder.path().join("lib.rs")).is_err(),
            "a declared module without a file"
        );
    }

    #[test]
    fn a_path_leads_to_its_module_however_it_is_written() {
        let text = "use crate::b::x;\nuse super::b::y;\nuse self::c::z;\nuse c::w;\nuse std::b::v;\nuse super::*;\n\
                    fn f() { b::u(); c::t(); x::s(); self::r(); }\nmod inner { use super::super::b::q; }\n";
        let folder = project(&[
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", &format!("mod c;\n{text}")),
            ("a/c.rs", ""),
            ("b.rs", ""),
        ]);
        let all = modules(&folder.path().join("lib.rs")).expect("read");
        let a = all.iter().find(|module| module.path == ["a"]).expect("it is there");
        let found: Vec<_> = a.names(&all).map(|(target, _)| target.join("::")).collect();
        assert_eq!(
            found,
            ["b::x", "b::y", "a::c::z", "a::c::w", "", "b::u", "a::c::t", "a::r", "b::q"]
        );
        let into = |target: &str| {
            let target: Vec<_> = target.split("::").map(str::to_owned).collect();
            owner(&target, &all).map(|index| all[index].path.join("::"))
        };
        assert_eq!(into("a::c::z").as_deref(), Some("a::c"));
        assert_eq!(into("a::r").as_deref(), Some("a"));
        assert_eq!(into("nothing").as_deref(), Some(""));
    }
}
