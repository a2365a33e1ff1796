//! Rust sources as syn reads them: their items, and which lines are code, comment or test.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail};
use fs_err as fs;
use proc_macro2::{Span, TokenStream, TokenTree};
use syn::Item;

use crate::items::{Named, collect, collect_tests, lines_of};

/// A Rust source, taken apart. Lines are counted from 1.
pub struct Source {
    /// Its lines.
    pub lines: Vec<String>,
    text: String,
    tokens: Vec<Span>,
    /// What it declares.
    pub items: Vec<Item>,
    /// The comments, line by line, with everything else blanked.
    pub comments: Vec<String>,
    /// The lines that hold more than a comment, tests included.
    code: BTreeSet<usize>,
}

impl Source {
    /// Reads and takes apart a file.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&fs::read_to_string(path)?)
            .with_context(|| format!("cannot parse {}", path.display()))
    }

    /// Takes a text apart.
    pub fn parse(text: &str) -> Result<Self> {
        let tokens: TokenStream = syn::parse_str(text)?;
        let items = syn::parse2::<syn::File>(tokens.clone())?.items;
        let mut comments = text.as_bytes().to_vec();
        let mut code = BTreeSet::new();
        let tokens = spans(tokens, text);
        for span in &tokens {
            let seen = comments[span.byte_range()].iter_mut().filter(|byte| **byte != b'\n');
            seen.for_each(|byte| *byte = b' ');
            code.extend(lines_of(*span));
        }
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        let comments = lines(&String::from_utf8(comments)?);
        Ok(Self { lines: lines(text), text: text.to_owned(), tokens, items, comments, code })
    }

    /// The named items outside of tests, those in modules, traits and `impl` blocks included.
    pub fn named(&self) -> Vec<Named> {
        let mut named = Vec::new();
        collect(&self.items, &mut named);
        named
    }

    /// The one item of this name.
    pub fn find(&self, path: &str) -> Result<Named> {
        let (found, others): (Vec<_>, Vec<_>) =
            self.named().into_iter().partition(|item| item.path == path);
        match <[Named; 1]>::try_from(found) {
            Ok([item]) => Ok(item),
            Err(found) if found.is_empty() => {
                let all: Vec<String> = others.into_iter().map(|item| item.path).collect();
                let method = format!("::{path}");
                let close: Vec<_> =
                    all.iter().filter(|name| name.ends_with(&method)).cloned().collect();
                let there = if close.is_empty() { all } else { close };
                bail!("no item is named {path}; there are: {}", there.join(", "))
            }
            Err(found) => {
                let number = found.len();
                bail!("{number} items are named {path}; the name must be of one item only")
            }
        }
    }

    /// The text of the one item of this name, un-indented, without its documentation.
    pub fn item(&self, path: &str) -> Result<String> {
        let item = self.find(path)?;
        let line = |number: usize| self.lines[number - 1].as_str();
        let head = line(*item.lines.start());
        let indent = head.len() - head.trim_start().len();
        let lines = item.attributes.into_iter().chain(item.lines);
        let cut: Vec<_> =
            lines.map(|number| line(number).get(indent..).unwrap_or_default()).collect();
        Ok(cut.join("\n"))
    }

    /// The body of the one function of this name: its bytes, the braces included.
    pub fn body(&self, path: &str) -> Result<Range<usize>> {
        self.find(path)?.body.with_context(|| format!("{path} has no body"))
    }

    /// Whether a word occurs in code between two bytes.
    pub fn has_word(&self, word: &str, within: &Range<usize>) -> bool {
        self.tokens.iter().any(|span| {
            let bytes = span.byte_range();
            within.contains(&bytes.start) && &self.text[bytes] == word
        })
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines on which a word occurs in code.
    pub fn lines_of_word(&self, word: &str) -> Vec<usize> {
        let is_word = |span: &&Span| &self.text[span.byte_range()] == word;
        self.tokens.iter().filter(is_word).map(|span| span.start().line).collect()
    }

    /// The lines of the test modules.
    pub fn test_lines(&self) -> BTreeSet<usize> {
        let mut lines = BTreeSet::new();
        collect_tests(&self.items, &mut lines);
        lines
    }

    /// The lines of code outside of tests: no blank lines, no comments.
    pub fn code_lines(&self) -> BTreeSet<usize> {
        &self.code - &self.test_lines()
    }
}

/// Where each token of code stands. A comment for documentation, which is a token to the compiler, is none.
fn spans(tokens: TokenStream, text: &str) -> Vec<Span> {
    let is_code = |token: &TokenTree| {
        let written = &text[token.span().byte_range()];
        !written.starts_with("//") && !written.starts_with("/*")
    };
    let mut found = Vec::new();
    for token in tokens.into_iter().filter(is_code) {
        if let TokenTree::Group(group) = token {
            found.extend([group.span_open(), group.span_close()]);
            found.extend(spans(group.stream(), text));
        } else {
            found.push(token.span());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r##"//! A module with `fn quoted_in_docs() {}`.

use tch::Tensor;

/// The limit.
pub const LIMIT: usize = 7;

const TABLE: [&str; 2] = [
    "a }",
    "b;",
];

const LONG: &str = "one
fn not_an_item() {}
} two";

/// A pair.
#[derive(Debug)]
#[must_use]
pub struct Pair(i64, i64);

/// Two sizes.
#[derive(Clone, Copy)]
pub struct Sizes {
    /// Rows.
    pub rows: i64,
}

impl Sizes {
    /// Makes one.
    #[allow(dead_code)]
    pub const fn new(rows: i64) -> Self {
        Self { rows }
    }

    // A remark that is no documentation.
    fn brace(&self) -> char {
        let _text = r#"fn inner() { " }"#; // }
        '}'
    }
}

impl<'a, T: Into<f64>> From<&'a [T]> for Sizes
where
    T: Copy,
{
    fn from(_: &'a [T]) -> Self {
        Self { rows: 1 }
    }
}

impl std::fmt::Display for Sizes {
    fn fmt(&self) -> u8 {
        b'"'
    }
}

pub(crate) trait Shape {
    fn rank(&self) -> usize;
    fn double(&self) -> [usize; 2] {
        [self.rank(); 2]
    }
}

pub async fn many(
    a: i64,
    b: i64,
) -> Tensor
where
    Tensor: Send,
{
    fn hidden() {}
    todo(a, b)
}

/* fn in_comment() { /* nested */ } */

#[cfg(test)]
mod tests {
    fn in_tests() {}
    fn many() {}
}

mod inner {
    pub fn within() {}
}
"##;

    fn item(path: &str) -> String {
        Source::parse(SAMPLE)
            .expect("Rust")
            .item(path)
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[test]
    fn items_are_cut_whole_and_without_documentation() {
        assert_eq!(item("LIMIT"), "pub const LIMIT: usize = 7;");
        assert_eq!(item("TABLE"), "const TABLE: [&str; 2] = [\n    \"a }\",\n    \"b;\",\n];");
        assert_eq!(item("LONG"), "const LONG: &str = \"one\nfn not_an_item() {}\n} two\";");
        assert_eq!(item("Pair"), "#[derive(Debug)]\npub struct Pair(i64, i64);");
        assert_eq!(
            item("Sizes"),
            "#[derive(Clone, Copy)]\npub struct Sizes {\n    /// Rows.\n    pub rows: i64,\n}"
        );
        assert!(
            item("many").starts_with("pub async fn many(\n")
                && item("many").ends_with("todo(a, b)\n}")
        );
        assert_eq!(item("within"), "pub fn within() {}");
        assert!(
            item("Shape").starts_with("pub(crate) trait Shape {") && item("Shape").ends_with("\n}")
        );
    }

    #[test]
    fn methods_are_found_by_their_type_and_unindented() {
        assert_eq!(
            item("Sizes::new"),
            "pub const fn new(rows: i64) -> Self {\n    Self { rows }\n}"
        );
        assert!(item("Sizes::brace").ends_with("    '}'\n}"), "{}", item("Sizes::brace"));
        assert_eq!(item("Sizes::from"), "fn from(_: &'a [T]) -> Self {\n    Self { rows: 1 }\n}");
        assert_eq!(item("Sizes::fmt"), "fn fmt(&self) -> u8 {\n    b'\"'\n}");
        assert_eq!(item("Shape::rank"), "fn rank(&self) -> usize;");
        assert_eq!(
            item("Shape::double"),
            "fn double(&self) -> [usize; 2] {\n    [self.rank(); 2]\n}"
        );
    }

    #[test]
    fn what_is_no_item_is_not_found() {
        for path in [
            "quoted_in_docs",
            "not_an_item",
            "inner",
            "hidden",
            "in_comment",
            "in_tests",
            "new",
            "Sizes::rows",
            "tests",
            "",
        ] {
            assert!(Source::parse(SAMPLE).expect("Rust").item(path).is_err(), "{path}");
        }
    }

    #[test]
    fn an_unknown_name_lists_what_is_there() {
        let error = Source::parse(SAMPLE)
            .expect("Rust")
            .item("brace")
            .expect_err("a method needs its type")
            .to_string();
        assert!(error.ends_with("there are: Sizes::brace"), "{error}");
        let error = Source::parse(SAMPLE)
            .expect("Rust")
            .item("nothing")
            .expect_err("no such item")
            .to_string();
        assert!(error.contains("LIMIT") && error.contains("Sizes::new"), "{error}");
    }

    #[test]
    fn a_name_of_two_items_is_refused() {
        let twice = "impl A {\n    fn f() {}\n}\nimpl X for A {\n    fn f() {}\n}\n";
        let error =
            Source::parse(twice).expect("Rust").item("A::f").expect_err("two of them").to_string();
        assert!(error.starts_with("2 items"), "{error}");
    }

    #[test]
    fn comments_are_told_from_code_and_literals() {
        let source = Source::parse(
            "/// “Docs”.\nconst A: &str = \"// no – é\"; // [B, T]\nconst B: char = '\\''; /* y */ fn z(_: &'static str) {}\n",
        )
        .expect("Rust");
        let comments: Vec<_> = source.comments.iter().map(|line| line.trim()).collect();
        assert_eq!(comments, ["/// “Docs”.", "// [B, T]", "/* y */"]);
        assert_eq!(source.code_lines(), BTreeSet::from([2, 3]));
    }

    #[test]
    fn code_is_neither_blank_nor_comment_nor_test() {
        let source = Source::parse(SAMPLE).expect("Rust");
        let code = source.code_lines();
        let text: Vec<_> = code.iter().map(|line| source.lines[line - 1].trim()).collect();
        assert!(text.iter().all(|line| !line.is_empty() && !line.starts_with("//")), "{text:?}");
        assert!(!text.contains(&"fn in_tests() {}") && !text.contains(&"mod tests {"), "{text:?}");
        for line in ["pub fn within() {}", "#[must_use]", "} two\";", "pub rows: i64,"] {
            assert!(text.contains(&line), "{line}");
        }
    }

    #[test]
    fn a_source_that_does_not_parse_is_an_error() {
        assert!(Source::parse("fn f( {").is_err());
    }
}
