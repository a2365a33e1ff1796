//! What is read is what runs: of each lesson file at least two thirds of the code are woven into the chapters, and a GPT-2 is small.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use crate::files::matching;
use crate::findings::seen_from;
use crate::items::Named;
use crate::markdown::Page;

use super::laws::Root;

/// The files that a GPT-2 and its writing consist of, and how many lines of code they may have together.
const GPT2: [&str; 11] = [
    "embedding/src/embed.rs",
    "attention/src/linear.rs",
    "attention/src/mask.rs",
    "attention/src/attend.rs",
    "attention/src/multi_head.rs",
    "model/src/config.rs",
    "model/src/norm.rs",
    "model/src/feed_forward.rs",
    "model/src/block.rs",
    "model/src/gpt2.rs",
    "model/src/generate.rs",
];
const MOST: usize = 480;

/// How much of a lesson file the chapters show.
struct Share {
    /// The file, seen from the project's folder.
    file: String,
    /// Its lines of code: no blank lines, comments, documentation, tests.
    code: usize,
    /// Those of them that are in a chapter.
    woven: usize,
    /// The items that are in none, with their lines of code.
    left_out: Vec<String>,
}

/// Every lesson file that the chapters leave out too much of.
pub fn check(project: &Path, roots: &[Root]) -> Result<Vec<String>> {
    let shares = shares(project, roots)?;
    let mut findings = Vec::new();
    for Share { file, code, woven, left_out } in &shares {
        if 3 * woven < 2 * code {
            let (percent, left_out) = (100 * woven / code, left_out.join(", "));
            findings.push(format!("{file}: {woven} of {code} lines of code are woven into a chapter, {percent} %; two thirds must be. Not woven: {left_out}"));
        }
    }
    let is_of_gpt2 = |share: &&Share| GPT2.iter().any(|part| share.file.ends_with(part));
    let code: usize = shares.iter().filter(is_of_gpt2).map(|share| share.code).sum();
    if code > MOST {
        findings.push(format!("{}: {code} lines of code; {MOST} are enough", GPT2.join(", ")));
    }
    Ok(findings)
}

/// The share of each lesson file in reading order of the crates.
fn shares(project: &Path, roots: &[Root]) -> Result<Vec<Share>> {
    let woven = woven_items(project)?;
    let mut shares = Vec::new();
    for module in roots.iter().filter(|root| root.is_chapter()).flat_map(Root::lesson) {
        let file = seen_from(project, &module.file).display().to_string();
        let code = module.source.code_lines();
        let mut shown = BTreeSet::new();
        for name in woven.get(&file).into_iter().flatten() {
            // What names no item is for `weave` to complain of.
            shown.extend(module.source.find(name).ok().into_iter().flat_map(|item| item.lines));
        }
        let woven = code.intersection(&shown).count();
        let hidden = |item: &Named| !item.lines.clone().any(|line| shown.contains(&line));
        let left_out = module.source.named().into_iter().filter(hidden);
        let left_out =
            left_out.map(|item| format!("{} ({})", item.path, item.lines.count())).collect();
        shares.push(Share { file, code: code.len(), woven, left_out });
    }
    Ok(shares)
}

/// The items of each file that are in a chapter.
fn woven_items(project: &Path) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut items: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for page in matching(project, "chapters/*.md")? {
        let text = fs::read_to_string(page)?;
        for directive in Page::new(&text).markers.iter().filter_map(|marker| marker.directive) {
            if let Some((file, names)) = directive.split_once('#') {
                let items = items.entry(file.to_owned()).or_default();
                items.extend(names.split(',').map(str::to_owned));
            }
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    const SOURCE: &str = "//! Docs.\n\nuse x::Y;\n\n/// Docs.\n#[must_use]\npub fn shown() {\n    // remark\n    y();\n}\n\n\
        fn hidden() {}\nfn too() {\n    z();\n}\n\n#[cfg(test)]\nmod tests {\n    fn t() {}\n}\n";

    #[test]
    fn two_thirds_of_a_lessons_code_must_stand_in_a_chapter() {
        let chapter = |items: &[&str]| {
            let block = |item: &&str| {
                format!("<!-- weave crates/model/src/block.rs#{item} -->\n<!-- /weave -->\n")
            };
            items.iter().map(block).collect::<String>()
        };
        let look = |page: &str| {
            let folder = project(&[
                ("crates/model/src/lib.rs", "pub mod block;\npub mod fast;\npub mod support;\n"),
                ("crates/model/src/block.rs", SOURCE),
                ("crates/model/src/fast/mod.rs", SOURCE),
                ("crates/model/src/support/mod.rs", SOURCE),
                ("chapters/3-model.md", page),
            ]);
            let roots = super::super::laws::roots(folder.path()).expect("read");
            let shares = shares(folder.path(), &roots).expect("read");
            let [Share { code, woven, .. }] = shares[..] else { panic!("one lesson file") };
            (code, woven, check(folder.path(), &roots).expect("read"))
        };
        let (code, woven, findings) = look(&chapter(&["shown", "shown", "gone"]));
        assert_eq!((code, woven), (9, 3));
        assert_eq!(
            findings,
            [
                "crates/model/src/block.rs: 3 of 9 lines of code are woven into a chapter, 33 %; two thirds must be. Not woven: hidden (1), too (3)"
            ]
        );
        assert_eq!(look(&chapter(&["shown,too"])), (9, 6, Vec::new()));
        let large = project(&[
            ("crates/model/src/lib.rs", "pub mod block;\n"),
            ("crates/model/src/block.rs", &format!("fn shown() {{\n{}}}\n", "y();\n".repeat(479))),
            ("chapters/3-model.md", &chapter(&["shown"])),
        ]);
        let roots = super::super::laws::roots(large.path()).expect("read");
        let findings = check(large.path(), &roots).expect("read");
        assert!(findings[0].ends_with("481 lines of code; 480 are enough"), "{findings:?}");
        assert_eq!(look("````text\n<!-- weave crates/model/src/block.rs#shown -->\n````\n").1, 0);
    }
}
