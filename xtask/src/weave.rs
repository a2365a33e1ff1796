//! `weave`: copies code, outputs and figures between markers into the chapters, so that they cannot drift.
//!
//! ```text
//! <!-- weave crates/attention/src/mask.rs#future -->
//! <!-- weave crates/attention/src/layer.rs#CausalSelfAttention::forward -->
//! <!-- weave crates/attention/src/layer.rs#CausalSelfAttention,CausalSelfAttention::new -->
//! <!-- weave crates/attention/examples/causal_mask.out -->
//! <!-- weave crates/attention/examples/causal_mask.rs#main let scores … let masked -->
//! <!-- weave data/reference/causal_mask.py scores = … masked = -->
//! <!-- weave crates/attention/examples/causal_mask.out#1-5,9 -->
//! <!-- weave chapters/figures/softmax.svg The softmax of two scores -->
//! <!-- weave learn 2.3.1 -->
//! ```
//!
//! Each is closed by `<!-- /weave -->`; what is between is written here. `#1-5,9` takes lines of an output. Words
//! after the name of an item or a script take the lines from the one that holds the first words to the next that holds the last.
//! Documentation comments of an item stay out (the chapter explains), attributes that talk to lints too.

use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;
use pulldown_cmark::{CodeBlockKind, Event, Tag};

use crate::blocks::block;
use crate::files::matching;
use crate::findings::{at, seen_from, verdict};
use crate::markdown::{CLOSE, Page};
use crate::outputs::demo_errors;

/// A Markdown file as `weave` would write it.
#[derive(Debug, Default)]
pub struct Woven {
    /// The whole text.
    pub text: String,
    /// Lines (from 1) of the markers whose block differs from what it must be.
    pub stale: Vec<usize>,
    /// What is wrong, each with its line.
    pub errors: Vec<String>,
}

/// Weaves one file. `block` gives what belongs between the markers of a directive.
pub fn weave_text(page: &Page, block: &dyn Fn(&str) -> Result<String>) -> Woven {
    let mut woven = Woven { errors: typed_rust(page), ..Woven::default() };
    let mut markers = page.markers.iter();
    let mut at = 0;
    while let Some(open) = markers.next() {
        let line = page.line(open.range.start);
        let mut fail = |what: &str| woven.errors.push(format!("line {line}: {what}"));
        let Some(directive) = open.directive else {
            fail(&format!("{CLOSE} closes nothing"));
            continue;
        };
        if directive.contains('\n') {
            fail("the marker must end with -->");
            continue;
        }
        let Some(close) = markers.next().filter(|close| close.directive.is_none()) else {
            // What follows cannot be told from the block: the rest stays as it is.
            fail(&format!("the block is never closed by {CLOSE}"));
            break;
        };
        let old = &page.text[open.range.end..close.range.start];
        let new = match block(directive) {
            Ok(new) => format!("{}\n", new.trim_end()),
            Err(error) => {
                fail(&format!("{error:#}"));
                old.to_owned()
            }
        };
        if new != old {
            woven.stale.push(line);
        }
        woven.text.push_str(&page.text[at..open.range.end]);
        woven.text.push_str(&new);
        at = close.range.start;
    }
    woven.text.push_str(&page.text[at..]);
    woven
}

/// Blocks of Rust outside of markers.
fn typed_rust(page: &Page) -> Vec<String> {
    let is_rust = |information: &str| {
        let language = information.split([',', ' ', '{']).next().unwrap_or_default();
        language.eq_ignore_ascii_case("rust") || language.eq_ignore_ascii_case("rs")
    };
    let fences = page.written().filter_map(|(event, range)| match event {
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(fence))) if is_rust(fence) => Some(range),
        _ => None,
    });
    let lines = fences.map(|range| page.line(range.start));
    lines
        .map(|line| format!("line {line}: a typed Rust block; name the item and let it be woven"))
        .collect()
}

/// The Markdown files that are woven: the chapters and the project's README.
pub fn files(root: &Path) -> Result<Vec<PathBuf>> {
    Ok([matching(root, "chapters/*.md")?, matching(root, "README.md")?].concat())
}

/// The folder of a woven file, seen from the root.
pub fn folder_of(root: &Path, file: &Path) -> &'static str {
    if file.parent() == Some(root) { "" } else { "chapters" }
}

/// Writes the woven blocks of all chapters, or compares them.
pub fn run(root: &Path, check: bool) -> Result<()> {
    let mut errors = demo_errors(root)?;
    let mut blocks = 0;
    for file in files(root)? {
        let text = fs::read_to_string(&file)?;
        let page = Page::new(&text);
        let woven = weave_text(&page, &|directive| block(root, folder_of(root, &file), directive));
        blocks += page.woven().len();
        errors.extend(woven.errors.iter().map(|error| at(root, &file, error)));
        if woven.stale.is_empty() {
            continue;
        }
        let lines: Vec<_> = woven.stale.iter().map(ToString::to_string).collect();
        let lines = lines.join(", ");
        if check {
            let stale = format!("stale blocks at line {lines}; run `cargo xtask weave`");
            errors.push(at(root, &file, &stale));
        } else {
            fs::write(&file, woven.text)?;
            let place = seen_from(root, &file);
            let place = place.display();
            println!("wrote {place}: blocks at line {lines}; reread the paragraph around each");
        }
    }
    let well = format!("{blocks} woven blocks are what their sources say");
    verdict(&errors, &well, "errors in the chapters")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    use crate::blocks::tests::example;

    fn weave(text: &str) -> Woven {
        weave_text(&Page::new(text), &|directive| match directive {
            "a.rs#f" => Ok("```rust\nfn f() {}\n```".to_owned()),
            other => bail!("{other}: no item"),
        })
    }

    const FRESH: &str =
        "# Title\n\n<!-- weave a.rs#f -->\n```rust\nfn f() {}\n```\n<!-- /weave -->\n\nText.\n";

    #[test]
    fn a_fresh_block_stays_as_it_is() {
        let woven = weave(FRESH);
        assert_eq!((woven.text.as_str(), woven.stale.len(), woven.errors.len()), (FRESH, 0, 0));
    }

    #[test]
    fn an_empty_or_stale_block_is_written() {
        for old in ["", "```rust\nfn g() {}\n```\n", "fn f() {}\n\n\n"] {
            let woven = weave(&format!(
                "# Title\n\n<!-- weave a.rs#f -->\n{old}<!-- /weave -->\n\nText.\n"
            ));
            assert_eq!(woven.text, FRESH);
            assert_eq!((woven.stale, woven.errors.len()), (vec![3], 0), "{old:?}");
        }
    }

    #[test]
    fn what_an_author_can_get_wrong_is_an_error_with_its_line() {
        for (text, line, message) in [
            ("a\n<!-- weave a.rs#f -->\nx\n", 2, "never closed"),
            ("<!-- weave a.rs#f -->\n<!-- weave a.rs#f -->\n<!-- /weave -->\n", 1, "never closed"),
            ("<!-- weave a.rs#f\n<!-- /weave -->\n", 1, "must end with"),
            ("a\n\n<!-- /weave -->\n", 3, "closes nothing"),
            ("<!-- weave a.rs#g -->\n<!-- /weave -->\n", 1, "no item"),
            ("a\n```rust\nfn typed() {}\n```\n", 2, "typed Rust"),
            ("~~~ Rust,ignore\n~~~\n", 1, "typed Rust"),
            ("```text\n```\n```rs\n```\n", 3, "typed Rust"),
            ("1. a\n\n   ```rust\n   ```\n", 3, "typed Rust"),
        ] {
            let woven = weave(text);
            let [error] = &woven.errors[..] else {
                panic!("one error for {text:?}: {:?}", woven.errors)
            };
            assert!(
                error.starts_with(&format!("line {line}: ")) && error.contains(message),
                "{error}"
            );
            assert_eq!(woven.text, text, "a file with errors keeps its text");
        }
    }

    #[test]
    fn markers_inside_a_typed_block_are_text() {
        let text =
            "````text\n<!-- weave a.rs#g -->\n```rust\n````\n\n```sh\ncargo xtask weave\n```\n";
        let woven = weave(text);
        assert_eq!((woven.text.as_str(), woven.errors.len()), (text, 0), "{:?}", woven.errors);
    }

    #[test]
    fn checking_fails_until_the_chapter_is_woven_again() {
        let project = example();
        let chapter = project.path().join("chapters/1-x.md");
        fs::write(
            &chapter,
            "<!-- weave crates/attention/src/mask.rs#future -->\n<!-- /weave -->\n",
        )
        .expect("a file");
        assert!(run(project.path(), true).is_err(), "not woven yet");
        run(project.path(), false).expect("woven");
        run(project.path(), true).expect("fresh");
        fs::write(project.path().join("crates/attention/src/mask.rs"), "pub fn past() {}\n")
            .expect("a file");
        assert!(run(project.path(), true).is_err(), "the function has another name now");
        assert!(run(project.path(), false).is_err(), "and weaving cannot mend that");
    }

    #[test]
    fn the_chapters_are_woven() {
        run(&xtask::project_root(), true).expect("run `cargo xtask weave`");
    }
}
