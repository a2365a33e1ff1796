//! Pages as mdBook can show them: formulas as MathML, which browsers draw by themselves; links as mdBook wants them; the
//! markers of `weave` gone. The rest of a page stays as it is.

use std::ops::Range;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use pulldown_cmark::{Event, Tag};
use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::mathml::push_mathml;
use pulldown_latex::{Parser, Storage};
use regex::{Captures, Regex};

use crate::markdown::Page;

/// What is in a sentence only where a formula was not recognized.
const RAW: [&str; 8] =
    ["$$", "\\frac", "\\sqrt", "\\sum", "\\left", "\\text", "\\mathrm", "\\operatorname"];

/// A page for mdBook. What `folded` gives a summary for, by its directive, is folded under it.
pub fn for_mdbook(text: &str, folded: &dyn Fn(&str) -> Option<String>) -> Result<String> {
    let page = Page::new(text);
    for (i, sentence) in page.sentences().lines().enumerate() {
        if let Some(mark) = RAW.iter().find(|mark| sentence.contains(**mark)) {
            let line = i + 1;
            bail!(
                "line {line}: {mark} stands outside of a formula, or the formula is never closed"
            );
        }
    }
    let mut edits = markers(&page, folded);
    for (event, range) in &page.events {
        let draw = |formula: &str, mode| -> Result<_> {
            let drawn = mathml(formula, mode);
            let drawn = drawn.with_context(|| format!("line {}", page.line(range.start)))?;
            Ok(Some((range.clone(), drawn)))
        };
        edits.extend(match event {
            Event::InlineMath(formula) => draw(formula, DisplayMode::Inline)?,
            Event::DisplayMath(formula) => draw(formula, DisplayMode::Block)?,
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                link(text, range, dest_url)
            }
            _ => None,
        });
    }
    edits.sort_by_key(|(range, _)| range.start);
    let (mut out, mut at) = (String::new(), 0);
    for (range, new) in edits {
        out.extend([&text[at..range.start], &new]);
        at = range.end;
    }
    Ok(out + &text[at..])
}

/// The markers, each with what is in its place: nothing, or the beginning and the end of what is folded.
fn markers(page: &Page, folded: &dyn Fn(&str) -> Option<String>) -> Vec<(Range<usize>, String)> {
    let mut is_folded = false;
    let in_place = page.markers.iter().map(|marker| {
        let summary = marker.directive.and_then(folded);
        // Markdown is read again after an empty line.
        let new = match &summary {
            Some(summary) => format!("<details>\n<summary>{summary}</summary>\n\n"),
            None if is_folded => "\n</details>\n\n".to_owned(),
            None => String::new(),
        };
        is_folded = summary.is_some();
        (marker.range.clone(), new)
    });
    in_place.collect()
}

/// Where a link's target stands, and what it must be. mdBook turns every link to a `.md` file into one to a page; those
/// that lead out of the book must stay what they are. The README becomes the first page, by another name.
fn link(text: &str, whole: &Range<usize>, target: &str) -> Option<(Range<usize>, String)> {
    let new = if target.starts_with("../") {
        target.replacen(".md", "%2Emd", 1)
    } else {
        format!("index.md{}", target.strip_prefix("README.md")?)
    };
    let start = whole.start + text[whole.clone()].rfind(&format!("]({target}"))? + 2;
    Some((start..start + target.len(), new))
}

/// A formula as MathML on one line that Markdown passes through as it is.
fn mathml(formula: &str, display_mode: DisplayMode) -> Result<String> {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| Regex::new(">[^<]+").expect("a pattern"));
    let storage = Storage::new();
    let mut html = String::new();
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    push_mathml(&mut html, Parser::new(formula, &storage), config)
        .context("cannot write MathML")?;
    if html.contains("<merror") {
        bail!("the formula `{}` cannot be drawn", formula.trim());
    }
    // Between tags Markdown still looks for emphasis, links and tables.
    let escape = |c: char| match c {
        '*' | '_' | '`' | '[' | ']' | '\\' | '~' | '|' | '$' => format!("&#{};", u32::from(c)),
        _ => c.to_string(),
    };
    let escaped = |words: &Captures| words[0].chars().map(escape).collect::<String>();
    Ok(WORDS.replace_all(&html.replace('\n', " "), escaped).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unfolded(text: &str) -> Result<String> {
        for_mdbook(text, &|_| None)
    }

    #[test]
    fn what_has_a_summary_is_folded_and_nothing_else_is() {
        let text = "a\n<!-- weave x.rs#f -->\n```rust\nf\n```\n<!-- /weave -->\n<!-- weave x.out -->\n```text\no\n```\n<!-- /weave -->\nb\n";
        let folded = |directive: &str| directive.ends_with("#f").then(|| "Ours".to_owned());
        let page = for_mdbook(text, &folded).expect("no formula");
        assert_eq!(
            page,
            "a\n<details>\n<summary>Ours</summary>\n\n```rust\nf\n```\n\n</details>\n\n```text\no\n```\nb\n"
        );
    }

    #[test]
    fn formulas_become_mathml_and_nothing_else_does() {
        let page = unfolded(
            "# Title\n\nWith $x_i * y_j$ and\n$$\n\\frac{a}{b}\n$$\nbut not `$x$`, \\$5, 5 $ or <!-- $y$ -->.\n\n\
             ```text\n$z$\n```\n<!-- weave a.out -->\n```text\n$w$\n```\n<!-- /weave -->\n",
        )
        .expect("good formulas");
        assert_eq!(page.matches("<math").count(), 2, "{page}");
        for kept in ["`$x$`", "\\$5, 5 $ or", "<!-- $y$ -->", "$z$", "$w$"] {
            assert!(page.contains(kept), "{kept}: {page}");
        }
        assert!(!page.contains("weave"), "{page}");
        let inline = page.lines().find(|line| line.starts_with("With")).expect("the sentence");
        assert!(
            !inline.contains('_') && !inline.contains('*'),
            "Markdown would see emphasis: {inline}"
        );
        assert!(page.contains("<mfrac>"), "{page}");
    }

    #[test]
    fn a_formula_that_cannot_be_drawn_names_its_line() {
        for (text, line) in
            [("a\n\n$\\frac{$ b\n", 3), ("$$\nx\n", 1), ("```text\n```\na\n$\\nonsense x$\n", 4)]
        {
            let error = format!("{:#}", unfolded(text).expect_err(text));
            assert!(error.contains(&format!("line {line}")), "{error}");
        }
    }

    #[test]
    fn links_to_markdown_outside_the_book_stay() {
        assert_eq!(
            unfolded("[a](../a.md#x), [b](b.md), [c](../c.rs)").expect("links"),
            "[a](../a%2Emd#x), [b](b.md), [c](../c.rs)"
        );
        assert_eq!(
            unfolded("[a](README.md#b) [c](../README.md)").expect("links"),
            "[a](index.md#b) [c](../README%2Emd)"
        );
    }

    #[test]
    fn dollars_that_are_money_stay() {
        let text = "It costs $5 or $6, or $ 7 $.\n";
        assert_eq!(unfolded(text).expect("no formula"), text);
    }
}
