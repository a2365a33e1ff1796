//! Links to files and to headings lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use crate::weave::{Place, places};

/// Links of a page that lead nowhere.
pub fn broken(file: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(file)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut headings = BTreeMap::new();
    headings.insert(file.to_path_buf(), anchors(&text));
    let mut findings = Vec::new();
    for (i, (line, place)) in text.lines().zip(places(&text)).enumerate() {
        if place == Place::Fence {
            continue;
        }
        for target in links(line) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target
                .split_once('#')
                .map_or((target, None), |(path, anchor)| (path, Some(anchor)));
            let goal = if path.is_empty() { file.to_path_buf() } else { folder.join(path) };
            if !goal.exists() {
                findings.push(format!("line {}: the link {target} leads to no file", i + 1));
                continue;
            }
            let Some(anchor) = anchor else { continue };
            if goal.extension().is_some_and(|extension| extension == "md") {
                if !headings.contains_key(&goal) {
                    headings.insert(goal.clone(), anchors(&fs::read_to_string(&goal)?));
                }
                if !headings[&goal].contains(anchor) {
                    findings.push(format!("line {}: the link {target} names no heading", i + 1));
                }
            }
        }
    }
    Ok(findings)
}

/// The targets of `[…](target)` in a line, inline code left out.
fn links(line: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    // The text of a link may itself be inline code, so backticks are counted up to the bracket only.
    for (at, _) in line.match_indices("](") {
        if line[..at].matches('`').count() % 2 == 1 {
            continue;
        }
        if let Some((target, _)) = line[at + 2..].split_once(')') {
            targets.push(target.split(' ').next().unwrap_or(target).trim_matches(['<', '>']));
        }
    }
    targets
}

/// The anchors that GitHub gives to the headings of a page, and those written as `<a id="…">`.
pub fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (line, place) in text.lines().zip(places(text)) {
        if place != Place::Prose {
            continue;
        }
        for part in line.split("id=\"").skip(1) {
            anchors.extend(part.split('"').next().map(str::to_owned));
        }
        let level = line.chars().take_while(|c| *c == '#').count();
        if !(1..=6).contains(&level) || !line[level..].starts_with(' ') {
            continue;
        }
        let heading: String = line[level..].trim().to_lowercase();
        let slug: String = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let count = counts.entry(slug.clone()).or_default();
        anchors.insert(if *count == 0 { slug.clone() } else { format!("{slug}-{count}") });
        *count += 1;
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_must_lead_somewhere() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write =
            |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
        write(
            "other.md",
            "# The mask, drawn\n\n## The mask, drawn\n\n```text\n# no heading\n```\n",
        );
        write(
            "page.md",
            "# Here\n[a](other.md) [b](other.md#the-mask-drawn) [c](other.md#the-mask-drawn-1) [d](#here) [e](https://x.y/z#q)\n\
             [`f`](gone.rs) ![g](gone.svg)\n[h](other.md#no-heading) [i](#there)\n`[j](gone)`\n",
        );
        let findings = broken(&folder.path().join("page.md")).expect("read");
        let lines: Vec<_> = findings
            .iter()
            .map(|finding| finding.split(" leads").next().unwrap_or_default())
            .collect();
        assert_eq!(
            lines,
            [
                "line 3: the link gone.rs",
                "line 3: the link gone.svg",
                "line 4: the link other.md#no-heading names no heading",
                "line 4: the link #there names no heading",
            ]
        );
    }
}
