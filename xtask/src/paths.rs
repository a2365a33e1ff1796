//! The paths that a source names, such as `crate::fast::matmul`: in `use` trees, in code, in attributes, and in what is
//! handed to macros, which the compiler does not look into before they are expanded.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Item;

use crate::items::is_for_tests;

/// A path of at least two names, or of one where `use` brings in a whole crate.
#[derive(Debug, PartialEq)]
pub struct Path {
    /// Its names, as written.
    pub names: Vec<String>,
    /// Where it stands, from 1.
    pub line: usize,
    /// The modules of the same file that it is in.
    pub inside: Vec<String>,
    /// Whether one of them is for tests.
    pub in_tests: bool,
}

/// All paths of a file.
pub fn paths(items: &[Item]) -> Vec<Path> {
    let mut found = Vec::new();
    below(items, &[], false, &mut found);
    found
}

fn below(items: &[Item], inside: &[String], in_tests: bool, found: &mut Vec<Path>) {
    for item in items {
        if let Item::Mod(module) = item
            && let Some((_, items)) = &module.content
        {
            let inside = [inside, &[module.ident.to_string()]].concat();
            below(items, &inside, in_tests || is_for_tests(&module.attrs), found);
            continue;
        }
        let mut scan = Scan::default();
        scan.tokens(item.to_token_stream(), &[]);
        found.extend(scan.found.into_iter().map(|(names, line)| Path {
            names,
            line,
            inside: inside.to_vec(),
            in_tests,
        }));
    }
}

/// Reads tokens from left to right: names that `::` joins are a path, and a group after `::` holds its continuations.
#[derive(Default)]
struct Scan {
    found: Vec<(Vec<String>, usize)>,
    names: Vec<String>,
    line: usize,
    colons: usize,
    is_used: bool,
}

impl Scan {
    fn tokens(&mut self, tokens: TokenStream, prefix: &[String]) {
        self.begin(prefix);
        for token in tokens {
            match token {
                TokenTree::Ident(word) if is_keyword(&word) => {
                    self.end();
                    self.is_used = word == "use";
                }
                TokenTree::Ident(name) => {
                    if self.colons != 2 && !self.names.is_empty() {
                        self.end();
                    }
                    self.line = name.span().start().line;
                    self.names.push(name.to_string());
                    self.colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => self.colons += 1,
                TokenTree::Group(group) => {
                    let prefix =
                        if self.colons == 2 { std::mem::take(&mut self.names) } else { Vec::new() };
                    self.end();
                    self.tokens(group.stream(), &prefix);
                }
                TokenTree::Punct(mark) if mark.as_char() == ',' => {
                    self.end();
                    self.begin(prefix);
                }
                _ => self.end(),
            }
        }
        self.end();
    }

    fn begin(&mut self, prefix: &[String]) {
        self.names = prefix.to_vec();
        self.colons = if prefix.is_empty() { 0 } else { 2 };
    }

    fn end(&mut self) {
        let names = std::mem::take(&mut self.names);
        self.colons = 0;
        if names.len() > usize::from(!self.is_used) {
            self.found.push((names, self.line));
        }
        self.is_used = false;
    }
}

/// Whether a word is none that a path may hold.
fn is_keyword(word: &Ident) -> bool {
    let word = word.to_string();
    !["self", "Self", "super", "crate"].contains(&word.as_str())
        && syn::parse_str::<Ident>(&word).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let file = syn::parse_file(text).expect("Rust");
        paths(&file.items)
            .iter()
            .map(|path| format!("{} {}", path.line, path.names.join("::")))
            .collect()
    }

    #[test]
    fn every_leaf_of_a_use_tree_is_a_path() {
        let text = "use a::{self, b::{c as d, e::*}, f};\nuse crate::g;\nuse std::h as i;\nuse j as k;\nuse ::l::m;\n";
        assert_eq!(
            found(text),
            [
                "1 a::self",
                "1 a::b::c",
                "1 a::b::e",
                "1 a::f",
                "2 crate::g",
                "3 std::h",
                "4 j",
                "5 l::m"
            ]
        );
    }

    #[test]
    fn paths_are_found_in_code_types_attributes_and_macros_and_not_in_text() {
        let text = "#[derive(clap::Parser)]\nstruct A { b: c::D<e::F> }\n// g::h\nfn i(x: ::j::K) -> u8 {\n\
                    let _ = \"l::m\"; let _ = y as ::z::A; if x == n::O { p!(\"{}\", super::q::r(x)) }\n<s::T as u::V>::w::<y::Z>(1) }\n";
        assert_eq!(
            found(text),
            [
                "1 clap::Parser",
                "2 c::D",
                "2 e::F",
                "4 j::K",
                "5 z::A",
                "5 n::O",
                "5 super::q::r",
                "6 s::T",
                "6 u::V",
                "6 y::Z"
            ]
        );
    }

    #[test]
    fn a_path_knows_the_modules_around_it() {
        let file =
            syn::parse_file("mod a { mod b { use c::d; } }\n#[cfg(test)]\nmod t { use e::f; }\n")
                .expect("Rust");
        let found = paths(&file.items);
        assert_eq!((found[0].inside.join("::"), found[0].in_tests), ("a::b".to_owned(), false));
        assert_eq!((found[1].inside.join("::"), found[1].in_tests), ("t".to_owned(), true));
    }
}
