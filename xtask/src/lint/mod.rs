//! `lint`: what rustc and clippy cannot know about this project.
//!
//! | module | what it asks |
//! | --- | --- |
//! | [`arrows`] | does a lesson name what comes after it? |
//! | [`circles`] | do files lead to one another? |
//! | [`unsafety`] | is unsafe code where it may be? |
//! | [`woven`] | do the chapters show the lesson, and is it small? |
//! | [`sizes`] | is a file or a function too long? |
//! | [`dependencies`] | does somebody use each dependency? |
//! | [`shapes`] | do shapes in comments use the letters of the [`legend`]? |
//! | [`numbers`] | do the numbers in a chapter's sentences come from woven blocks? |
//! | [`links`] | do links lead somewhere? |
//! | [`named_tests`] | are the tests there that a chapter names? |
//! | [`words`] | does something read as translated? |
//!
//! Beside these, every demo has a `.out`, and every `.out` says where it comes from.

mod arrows;
mod circles;
mod dependencies;
mod digits;
mod laws;
mod legend;
pub mod links;
mod named_tests;
mod numbers;
mod shapes;
mod sizes;
mod unsafety;
mod words;
mod woven;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use crate::files::matching;
use crate::findings::{at, verdict};
use crate::markdown::Page;
use crate::outputs::demo_errors;
use crate::source::Source;
use crate::weave;
use laws::Root;
use legend::Legend;

/// Runs every lint and lists what it finds.
pub fn run(root: &Path) -> Result<()> {
    let legend = legend::read(root)?;
    let roots = laws::roots(root)?;
    let mut findings = demo_errors(root)?;
    findings.extend(arrows::check(root, &roots));
    findings.extend(unsafety::check(root)?);
    findings.extend(dependencies::check(root)?);
    findings.extend(woven::check(root, &roots)?);
    findings.extend(sizes::check(root, &roots));
    findings.extend(circles::check(root, &roots));
    findings.extend(wording(root, &roots));
    let sources = comments(root, &legend, &mut findings)?;
    let pages = pages(root, &legend, &mut findings)?;
    verdict(&findings, &format!("{sources} sources and {pages} pages keep the rules"), "findings")
}

/// The words of the sources that are no lesson.
fn wording(root: &Path, roots: &[Root]) -> Vec<String> {
    let lesson: BTreeSet<_> =
        roots.iter().flat_map(Root::lesson).map(|module| &module.file).collect();
    let mut findings = Vec::new();
    for module in roots.iter().flat_map(sizes::sources) {
        if !lesson.contains(&module.file) {
            let found = words::in_source(&module.source);
            findings.extend(found.iter().map(|what| at(root, &module.file, what)));
        }
    }
    findings
}

/// The shapes in all comments; returns the number of sources.
fn comments(root: &Path, legend: &Legend, findings: &mut Vec<String>) -> Result<usize> {
    let files = matching(root, "crates/**/*.rs")?;
    for file in &files {
        for (i, comment) in Source::read(file)?.comments.iter().enumerate() {
            let strange = shapes::strange_letters(comment, legend);
            let found = strange.iter().map(|finding| format!("line {}: {finding}", i + 1));
            findings.extend(found.map(|finding| at(root, file, &finding)));
        }
    }
    Ok(files.len())
}

/// The shapes, numbers and named tests of the chapters, and the links and words of all pages; returns the number of pages.
fn pages(root: &Path, legend: &Legend, findings: &mut Vec<String>) -> Result<usize> {
    let woven = weave::files(root)?;
    let others = [matching(root, "data/README.md")?, matching(root, "BENCHMARKS.md")?].concat();
    for file in woven.iter().chain(&others) {
        let text = fs::read_to_string(file)?;
        let page = Page::new(&text);
        let mut found = links::broken(file)?;
        found.extend(words::in_page(&page));
        if woven.contains(file) {
            found.extend(shapes::in_prose(&page, legend));
        }
        if file.parent().is_some_and(|folder| folder.ends_with("chapters")) {
            found.extend(numbers::unproven(&page, legend));
            found.extend(named_tests::missing(root, &page));
        }
        findings.extend(found.iter().map(|finding| at(root, file, finding)));
    }
    Ok(woven.len() + others.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    #[test]
    fn a_small_project_is_linted_as_a_whole() {
        let folder =
            project(&[("Cargo.toml", ""), ("chapters/1-x.md", "# One\n\nNothing to prove.\n")]);
        let write = |path: &str, text: &str| {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
            fs::write(file, text).expect("a file");
        };
        for chapter in &crate::contents::CHAPTERS {
            write(&format!("crates/{}/src/lib.rs", chapter.name), "//! | `B` | batch |\n");
        }
        run(folder.path()).expect("nothing to find");
        for (path, wrong, right) in [
            ("crates/model/tests/reference.rs", "// [B, Q]\n", "// [B]\n"),
            ("crates/model/src/lib.rs", "//! `B`\nuse train::loss;\n", "//! `B`\n"),
            ("crates/model/src/lib.rs", "fn f() { unsafe {} }\n", ""),
            ("crates/model/src/lib.rs", &"mod a;\n".repeat(251), ""),
            ("Cargo.toml", "[workspace.dependencies]\nrand = \"1\"\n", ""),
            ("chapters/1-x.md", "[a](gone.md)\n", ""),
            ("README.md", "It has learnt.\n", ""),
            ("crates/model/src/lib.rs", "//! `B`, learnt\n", "//! `B`\n"),
            ("crates/model/examples/d.rs", "fn main() {}\n", ""),
        ] {
            write(path, wrong);
            run(folder.path()).expect_err(path);
            write(path, right);
            if path.contains("/src/") || path.ends_with("toml") {
                run(folder.path()).expect(path);
            }
        }
    }
}
