//! Circles: files of a crate that name one another, so that none can be read first.
//!
//! A file leads to another where a path in it, tests apart, leads into that file's module. A module and those below it
//! are one another's parts: paths between them do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::findings::seen_from;
use crate::modules::{Module, owner};

use super::laws::Root;

/// A line for each set of files that lead to one another.
pub fn check(project: &Path, roots: &[Root]) -> Vec<String> {
    let mut findings = Vec::new();
    for Root { modules, .. } in roots {
        for circle in circles(&edges(modules)) {
            let file =
                |&index: &usize| seen_from(project, &modules[index].file).display().to_string();
            let files = circle.iter().map(file).collect::<Vec<_>>().join(", ");
            findings.push(format!("{files}: a circle: each of these leads to the others"));
        }
    }
    findings
}

/// For each module the others that its file leads to, by their numbers.
fn edges(modules: &[Module]) -> BTreeMap<usize, BTreeSet<usize>> {
    let leads_to = |from: &Module| {
        let paths = from.names(modules).filter(|(_, path)| !path.in_tests);
        let owners = paths.filter_map(|(target, _)| owner(&target, modules));
        let is_stranger = |to: &usize| {
            let to = &modules[*to].path;
            !to.starts_with(&from.path) && !from.path.starts_with(to)
        };
        owners.filter(is_stranger).collect()
    };
    let sources = modules.iter().enumerate().filter(|(_, module)| !module.is_for_tests);
    sources.map(|(index, module)| (index, leads_to(module))).collect()
}

/// The largest sets whose members all lead to one another.
fn circles(edges: &BTreeMap<usize, BTreeSet<usize>>) -> BTreeSet<BTreeSet<usize>> {
    let reach = |from: usize| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(at) = open.pop() {
            open.extend(edges.get(&at).into_iter().flatten().filter(|&&next| reached.insert(next)));
        }
        reached
    };
    let all: BTreeMap<usize, BTreeSet<usize>> = edges.keys().map(|&at| (at, reach(at))).collect();
    let circle = |(at, reached): (&usize, &BTreeSet<usize>)| -> BTreeSet<usize> {
        let leads_back = |next: &&usize| all.get(*next).is_some_and(|back| back.contains(at));
        reached.iter().filter(leads_back).copied().collect()
    };
    all.iter().map(circle).filter(|circle| circle.len() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let folder = project(files);
        check(folder.path(), &super::super::laws::roots(folder.path()).expect("read"))
    }

    #[test]
    fn files_that_lead_to_one_another_are_a_circle() {
        let lib = ("xtask/src/lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\n");
        let d = ("xtask/src/d.rs", "use crate::a::x;\n");
        let c = |text| {
            [
                lib,
                ("xtask/src/a.rs", "use crate::b::x;"),
                ("xtask/src/b.rs", "use super::c;\nfn f() { c::x() }"),
                ("xtask/src/c.rs", text),
                d,
            ]
        };
        assert_eq!(found(&c("")), Vec::<String>::new());
        let findings = found(&c("fn f() { crate::a::x() }"));
        assert!(
            findings[0].starts_with("xtask/src/a.rs, xtask/src/b.rs, xtask/src/c.rs: a circle"),
            "{findings:?}"
        );
        assert_eq!(findings.len(), 1);
        assert_eq!(found(&c("#[cfg(test)]\nmod tests { use crate::a::x; }")), Vec::<String>::new());
    }

    #[test]
    fn a_module_and_its_parts_are_none_and_two_parts_may_be() {
        let files = |part| {
            [
                ("xtask/src/lib.rs", "mod a;\n"),
                ("xtask/src/a/mod.rs", "mod b;\nmod c;\nuse b::x;\npub struct A;\n"),
                ("xtask/src/a/b.rs", "use super::A;\nuse super::c::y;\n"),
                ("xtask/src/a/c.rs", part),
            ]
        };
        assert_eq!(found(&files("use crate::a::A;")), Vec::<String>::new());
        assert_eq!(found(&files("use super::b;\nfn f() { b::x() }")).len(), 1);
    }
}
