//! Dependencies: none is in a manifest that nobody uses.
//!
//! Every entry of the workspace's table is taken by a member, and every dependency of a member is named in its sources.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;
use toml::{Table, Value};

use crate::files::matching;
use crate::findings::at;
use crate::paths::paths;
use crate::source::Source;

/// Every dependency without a use.
pub fn check(project: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut taken = BTreeSet::new();
    let members = matching(project, "crates/*/Cargo.toml")?;
    for path in [members, matching(project, "xtask/Cargo.toml")?].concat() {
        let wanted = of_member(&read(&path)?);
        let folder = path.parent().unwrap_or(project);
        let named = named_roots(folder)?;
        let unused = wanted.iter().filter(|name| !named.contains(&name.replace('-', "_")));
        let found = unused.map(|name| format!("no source names the dependency {name}"));
        findings.extend(found.map(|finding| at(project, &path, &finding)));
        taken.extend(wanted);
    }
    let root = read(&project.join("Cargo.toml"))?;
    let table = root.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let listed = table.and_then(Value::as_table).map(keys).unwrap_or_default();
    let unused = listed.difference(&taken);
    findings.extend(unused.map(|name| format!("Cargo.toml: no member uses the dependency {name}")));
    Ok(findings)
}

fn read(manifest: &Path) -> Result<Table> {
    let text = fs::read_to_string(manifest)?;
    text.parse().with_context(|| format!("cannot parse {}", manifest.display()))
}

fn keys(table: &Table) -> BTreeSet<String> {
    table.keys().cloned().collect()
}

/// The dependencies of a member, those of tests, builds and single platforms included.
fn of_member(manifest: &Table) -> BTreeSet<String> {
    let platforms = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = platforms.filter_map(|(_, table)| table.as_table()).chain([manifest]);
    let kinds = tables.flat_map(|table| {
        ["dependencies", "dev-dependencies", "build-dependencies"].map(|kind| table.get(kind))
    });
    kinds.flatten().filter_map(Value::as_table).flat_map(keys).collect()
}

/// The first names of all paths in the Rust files of a folder, and in those that its tests take from elsewhere.
fn named_roots(folder: &Path) -> Result<BTreeSet<String>> {
    let mut named = BTreeSet::new();
    for file in matching(folder, "**/*.rs")? {
        let source = Source::read(&file)?;
        named.extend(paths(&source.items).into_iter().map(|path| path.names[0].clone()));
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    #[test]
    fn a_dependency_that_nobody_takes_or_names_is_found() {
        let member = |extra: &str| format!("[dependencies]\nserde-json.workspace = true\n{extra}");
        let found = |table: &str, extra: &str, source: &str| {
            let folder = project(&[
                ("Cargo.toml", &format!("[workspace.dependencies]\nserde-json = \"1\"\n{table}")),
                ("crates/model/Cargo.toml", &member(extra)),
                ("crates/model/src/block.rs", "use serde_json::Value;\n"),
                ("crates/model/tests/t.rs", source),
            ]);
            check(folder.path()).expect("read")
        };
        assert_eq!(found("", "", ""), Vec::<String>::new());
        assert_eq!(
            found("rand = \"0.10\"\n", "", ""),
            ["Cargo.toml: no member uses the dependency rand"]
        );
        let dev = "[dev-dependencies]\nrand.workspace = true\n";
        assert_eq!(
            found("rand = \"0.10\"\n", dev, "// rand::rng()\n"),
            ["crates/model/Cargo.toml: no source names the dependency rand"]
        );
        assert_eq!(
            found("rand = \"0.10\"\n", dev, "fn f() { rand::rng(); }\n"),
            Vec::<String>::new()
        );
        let platform = "[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n";
        assert_eq!(
            found("", platform, ""),
            ["crates/model/Cargo.toml: no source names the dependency libc"]
        );
    }
}
