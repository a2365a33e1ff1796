//! Links to files and to headings lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use fs_err as fs;
use pulldown_cmark::{Event, Tag, TagEnd};

use crate::markdown::Page;

/// Links of a page that lead nowhere.
pub fn broken(file: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(file)?;
    let page = Page::new(&text);
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut findings = Vec::new();
    for (event, range) in &page.events {
        let Event::Start(Tag::Link { dest_url: target, .. } | Tag::Image { dest_url: target, .. }) =
            event
        else {
            continue;
        };
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let goal = if path.is_empty() { file.to_path_buf() } else { folder.join(path) };
        let is_page = goal.extension().is_some_and(|extension| extension == "md");
        let wrong = if !goal.exists() {
            "leads to no file"
        } else if is_page
            && !anchor.is_empty()
            && !anchors(&fs::read_to_string(&goal)?).contains(anchor)
        {
            "names no heading"
        } else {
            continue;
        };
        findings.push(format!("line {}: the link {target} {wrong}", page.line(range.start)));
    }
    Ok(findings)
}

/// The anchors that GitHub gives to the headings of a page, and those written as `<a id="…">`.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut heading = None;
    for (event, _) in Page::new(text).events {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(words) | Event::Code(words) | Event::InlineMath(words) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&words);
                }
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                let ids = html.split("id=\"").skip(1).filter_map(|part| part.split('"').next());
                anchors.extend(ids.map(str::to_owned));
            }
            Event::End(TagEnd::Heading(_)) => {
                let slug = slug(&heading.take().unwrap_or_default());
                let count = counts.entry(slug.clone()).or_default();
                anchors.insert(if *count == 0 { slug } else { format!("{slug}-{count}") });
                *count += 1;
            }
            _ => {}
        }
    }
    anchors
}

/// A heading as GitHub writes it in an address.
fn slug(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
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
