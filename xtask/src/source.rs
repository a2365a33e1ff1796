//! Rust sources as text: which characters are code, which are comment, and which lines an item takes.
//!
//! Items are found by name and by their brackets, so sources need no marker comments. A whole parser would be more
//! than this needs: it must only know where strings and comments end, and where a bracket closes.

use anyhow::{Result, bail};

/// What a character of a source belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Code,
    Comment,
    Literal,
}

/// A Rust source, taken apart.
pub struct Source {
    lines: Vec<String>,
    /// The lines with comments and literals blanked, so that a search finds code only.
    code: Vec<String>,
    /// The lines with everything but comments blanked.
    comments: Vec<String>,
}

/// An item and the lines it takes, counted from 0, both ends included.
#[derive(Debug, PartialEq)]
struct Item {
    /// `name`, or `Type::name` for what stands in an `impl` or a trait.
    path: String,
    first: usize,
    last: usize,
}

impl Source {
    /// Takes a text apart.
    pub fn new(text: &str) -> Self {
        let parts = classify(text);
        let only = |wanted: Part| -> Vec<String> {
            let kept = text
                .chars()
                .zip(&parts)
                .map(|(c, part)| if *part == wanted || c == '\n' { c } else { ' ' });
            kept.collect::<String>().lines().map(str::to_owned).collect()
        };
        Self {
            lines: text.lines().map(str::to_owned).collect(),
            code: only(Part::Code),
            comments: only(Part::Comment),
        }
    }

    /// The lines with comments and literals blanked; lines of test modules are blank altogether.
    pub fn code_without_tests(&self) -> Vec<&str> {
        let mut lines: Vec<&str> = self.code.iter().map(String::as_str).collect();
        let mut line = 0;
        while line < lines.len() {
            if self.is_test_module(line) {
                let last = self.closing_line(line, '}');
                lines[line..=last].fill("");
                line = last;
            }
            line += 1;
        }
        lines
    }

    /// The comments, line by line, with everything else blanked.
    pub fn comments(&self) -> &[String] {
        &self.comments
    }

    /// The text of the one item of this name, un-indented, without its documentation.
    pub fn item(&self, path: &str) -> Result<String> {
        let mut items = Vec::new();
        self.collect(0, self.lines.len(), "", &mut items);
        let found: Vec<_> = items.iter().filter(|item| item.path == path).collect();
        match found[..] {
            [item] => Ok(self.cut(item)),
            [] => {
                let method = format!("::{path}");
                let close: Vec<_> = items
                    .iter()
                    .filter(|item| item.path.ends_with(&method))
                    .map(|item| item.path.as_str())
                    .collect();
                let all: Vec<_> = items.iter().map(|item| item.path.as_str()).collect();
                let there = if close.is_empty() { all } else { close };
                bail!("no item is named {path}; there are: {}", there.join(", "))
            }
            _ => bail!("{} items are named {path}; the name must be of one item only", found.len()),
        }
    }

    fn is_test_module(&self, line: usize) -> bool {
        let code = self.code[line].trim_start();
        let module = code.strip_prefix("pub ").unwrap_or(code).strip_prefix("mod ");
        module.is_some_and(|rest| rest.trim_end().ends_with('{'))
            && (0..line).rev().map(|above| self.code[above].trim()).find(|code| !code.is_empty())
                == Some("#[cfg(test)]")
    }

    /// Finds the items in the lines from `first` up to `end`.
    fn collect(&self, first: usize, end: usize, prefix: &str, items: &mut Vec<Item>) {
        let mut line = first;
        while line < end {
            let Some((keyword, name)) = head(&self.code[line]) else {
                line += 1;
                continue;
            };
            let closing = if matches!(keyword, "const" | "static" | "type") { ';' } else { '}' };
            let last = self.closing_line(line, closing);
            let is_test = self.is_test_module(line);
            match keyword {
                "impl" => self.collect(line + 1, last, &format!("{name}::"), items),
                "mod" if is_test => {}
                "mod" => self.collect(line + 1, last, prefix, items),
                _ => {
                    items.push(Item { path: format!("{prefix}{name}"), first: line, last });
                    if keyword == "trait" {
                        self.collect(line + 1, last, &format!("{name}::"), items);
                    }
                }
            }
            line = last + 1;
        }
    }

    /// The line on which what begins at `first` ends: with a semicolon, or (for `}`) with the bracket that closes it.
    fn closing_line(&self, first: usize, closing: char) -> usize {
        let mut depth = 0_usize;
        for (line, code) in self.code.iter().enumerate().skip(first) {
            for c in code.chars() {
                match c {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 && c == '}' && closing == '}' {
                            return line;
                        }
                    }
                    ';' if depth == 0 => return line,
                    _ => {}
                }
            }
        }
        self.code.len() - 1
    }

    fn cut(&self, item: &Item) -> String {
        let indent = self.lines[item.first].len() - self.lines[item.first].trim_start().len();
        let unindent = |line: &str| line.get(indent..).unwrap_or("").to_owned();
        let mut first = item.first;
        while first > 0 && self.lines[first - 1].trim_start().starts_with("#[") {
            first -= 1;
        }
        let attributes = self.lines[first..item.first].iter().filter(|line| is_worth_reading(line));
        attributes
            .chain(&self.lines[item.first..=item.last])
            .map(|line| unindent(line))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Whether an attribute says something about the code, or only talks to the compiler's lints.
fn is_worth_reading(attribute: &str) -> bool {
    let silent = ["#[must_use", "#[allow(", "#[expect(", "#[inline", "#[doc"];
    !silent.iter().any(|start| attribute.trim_start().starts_with(start))
}

/// Keyword and name of the item that begins on this line of code; for an `impl` the name of the type.
fn head(code: &str) -> Option<(&'static str, String)> {
    let mut rest = code.trim_start();
    loop {
        let before = rest;
        if let Some(after) = rest.strip_prefix("pub(") {
            rest = after.split_once(')')?.1.trim_start();
        }
        for word in ["pub ", "default ", "async ", "unsafe ", "extern "] {
            rest = rest.strip_prefix(word).unwrap_or(rest).trim_start();
        }
        if rest.starts_with("const fn ") || rest.starts_with("const unsafe fn ") {
            rest = &rest["const ".len()..];
        }
        if rest == before {
            break;
        }
    }
    if let Some(after) = rest.strip_prefix("impl")
        && after.starts_with([' ', '<'])
    {
        return Some(("impl", implemented_type(after)));
    }
    if let Some(after) = rest.strip_prefix("macro_rules!") {
        return Some(("macro_rules", identifier(after.trim_start())?));
    }
    for keyword in ["fn", "struct", "enum", "union", "const", "static", "type", "trait", "mod"] {
        if let Some(after) = rest.strip_prefix(keyword).and_then(|after| after.strip_prefix(' ')) {
            return Some((keyword, identifier(after)?));
        }
    }
    None
}

fn identifier(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// `T` of `impl<…> T<…> {` and of `impl Trait for T {`.
fn implemented_type(after_impl: &str) -> String {
    let mut rest = after_impl.trim_start();
    if rest.starts_with('<') {
        let mut depth = 0_i32;
        let end = rest.char_indices().find(|&(_, c)| {
            depth += i32::from(c == '<') - i32::from(c == '>');
            depth == 0
        });
        rest = end.map_or("", |(end, _)| rest[end + 1..].trim_start());
    }
    let of_type = rest.split_once(" for ").map_or(rest, |(_, of_type)| of_type);
    let path = of_type.trim_start_matches('&').split(['<', '{', ' ']).next().unwrap_or_default();
    path.rsplit("::").next().unwrap_or_default().to_owned()
}

/// Tells for each character whether it is code, comment, or part of a string or character literal.
fn classify(text: &str) -> Vec<Part> {
    let chars: Vec<char> = text.chars().collect();
    let mut parts = Vec::with_capacity(chars.len());
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut i = 0;
    while i < chars.len() {
        let (part, end) = match chars[i] {
            '/' if at(i + 1) == '/' => {
                (Part::Comment, (i..chars.len()).find(|&j| chars[j] == '\n').unwrap_or(chars.len()))
            }
            '/' if at(i + 1) == '*' => (Part::Comment, block_comment_end(&chars, i)),
            'r' | 'b' | 'c' if i == 0 || !(at(i - 1).is_alphanumeric() || at(i - 1) == '_') => {
                raw_string_end(&chars, i).map_or((Part::Code, i + 1), |end| (Part::Literal, end))
            }
            '"' => (Part::Literal, quoted_end(&chars, i, '"')),
            '\'' if at(i + 1) == '\\' || at(i + 2) == '\'' => {
                (Part::Literal, quoted_end(&chars, i, '\''))
            }
            _ => (Part::Code, i + 1),
        };
        parts.resize(end.min(chars.len()), part);
        i = end;
    }
    parts
}

/// The place after the closing quote, escapes skipped.
fn quoted_end(chars: &[char], start: usize, quote: char) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// The place after `*/`, inner comments skipped.
fn block_comment_end(chars: &[char], start: usize) -> usize {
    let (mut i, mut depth) = (start, 0_usize);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                i += 1;
            }
            ('*', Some('/')) => {
                depth -= 1;
                i += 1;
                if depth == 0 {
                    return i + 1;
                }
            }
            _ => {}
        }
        i += 1;
    }
    chars.len()
}

/// The place after a raw string such as `r#"…"#` or `br"…"` that starts here; `None` where none does.
fn raw_string_end(chars: &[char], start: usize) -> Option<usize> {
    let mut i = start;
    while matches!(chars.get(i), Some('b' | 'c')) && i == start {
        i += 1;
    }
    if chars.get(i) != Some(&'r') {
        return None;
    }
    i += 1;
    let hashes = chars[i..].iter().take_while(|c| **c == '#').count();
    i += hashes;
    if chars.get(i) != Some(&'"') {
        return None;
    }
    while i < chars.len() {
        i += 1;
        if chars.get(i) == Some(&'"')
            && chars[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
        {
            return Some(i + 1 + hashes);
        }
    }
    Some(chars.len())
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
        Source::new(SAMPLE).item(path).unwrap_or_else(|error| panic!("{path}: {error}"))
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
            assert!(Source::new(SAMPLE).item(path).is_err(), "{path}");
        }
    }

    #[test]
    fn an_unknown_name_lists_what_is_there() {
        let error =
            Source::new(SAMPLE).item("brace").expect_err("a method needs its type").to_string();
        assert!(error.ends_with("there are: Sizes::brace"), "{error}");
        let error = Source::new(SAMPLE).item("nothing").expect_err("no such item").to_string();
        assert!(error.contains("LIMIT") && error.contains("Sizes::new"), "{error}");
    }

    #[test]
    fn a_name_of_two_items_is_refused() {
        let twice = "impl A {\n    fn f() {}\n}\nimpl X for A {\n    fn f() {}\n}\n";
        let error = Source::new(twice).item("A::f").expect_err("two of them").to_string();
        assert!(error.starts_with("2 items"), "{error}");
    }

    #[test]
    fn comments_and_code_are_told_apart() {
        let source = Source::new(
            "let a = \"// no\"; // [B, T]\nlet b = '\\''; let c: &'static str = x; /* y */ z",
        );
        assert_eq!(source.comments()[0].trim(), "// [B, T]");
        assert_eq!(source.comments()[1].trim(), "/* y */");
        assert!(
            source.code[1].contains("&'static str") && source.code[1].ends_with('z'),
            "{:?}",
            source.code[1]
        );
    }

    #[test]
    fn code_without_tests_leaves_out_the_test_module_only() {
        let code = Source::new(SAMPLE).code_without_tests().join("\n");
        assert!(
            !code.contains("in_tests") && code.contains("fn within") && code.contains("fn brace")
        );
    }
}
