//! The named items of a Rust source: functions, types, constants and what else has a name.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};

use proc_macro2::{Ident, Span};
use syn::spanned::Spanned;
use syn::{Attribute, Block, ImplItem, Item, TraitItem, Type, Visibility};

/// A function, type or other item outside of tests that has a name.
#[derive(Debug)]
pub struct Named {
    /// `name`, or `Type::name` for what is in an `impl` or a trait.
    pub path: String,
    /// Whether it is a function that only its own file can call.
    pub is_private: bool,
    /// The bytes of a function's body, its braces included.
    pub body: Option<Range<usize>>,
    /// From its first line after documentation and attributes to its last.
    pub lines: RangeInclusive<usize>,
    /// The lines of its attributes that say something about the code.
    pub attributes: Vec<usize>,
}

/// Whether the attributes keep an item for tests.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

/// Adds the lines of the test modules.
pub fn collect_tests(items: &[Item], lines: &mut BTreeSet<usize>) {
    for item in items {
        let Item::Mod(module) = item else { continue };
        if is_for_tests(&module.attrs) {
            lines.extend(lines_of(item.span()));
        } else if let Some((_, items)) = &module.content {
            collect_tests(items, lines);
        }
    }
}

/// The lines that something takes.
pub fn lines_of(span: Span) -> RangeInclusive<usize> {
    span.start().line..=span.end().line
}

/// Adds the named items, those in modules, traits and `impl` blocks included.
pub fn collect(items: &[Item], named: &mut Vec<Named>) {
    for item in items {
        let new = |name: &Ident, attributes: &[Attribute]| new("", name, attributes, item.span());
        let found = match item {
            Item::Mod(module) if !is_for_tests(&module.attrs) => {
                collect(module.content.as_ref().map_or(&[][..], |(_, items)| items), named);
                continue;
            }
            Item::Impl(block) => {
                let of = type_name(&block.self_ty);
                let all = block.items.iter().filter_map(|item| in_impl(&of, item));
                // What a trait asks for can be called wherever the trait is known.
                let is_inherent = block.trait_.is_none();
                named.extend(
                    all.map(|item| Named { is_private: item.is_private && is_inherent, ..item }),
                );
                continue;
            }
            Item::Trait(block) => {
                named.push(new(&block.ident, &block.attrs));
                let of = block.ident.to_string();
                named.extend(block.items.iter().filter_map(|item| in_trait(&of, item)));
                continue;
            }
            Item::Fn(item) => with_body(new(&item.sig.ident, &item.attrs), &item.block, &item.vis),
            Item::Const(item) => new(&item.ident, &item.attrs),
            Item::Enum(item) => new(&item.ident, &item.attrs),
            Item::Static(item) => new(&item.ident, &item.attrs),
            Item::Struct(item) => new(&item.ident, &item.attrs),
            Item::Type(item) => new(&item.ident, &item.attrs),
            Item::Union(item) => new(&item.ident, &item.attrs),
            Item::Macro(syn::ItemMacro { ident: Some(name), attrs, .. }) => new(name, attrs),
            _ => continue,
        };
        named.push(found);
    }
}

fn in_impl(of: &str, item: &ImplItem) -> Option<Named> {
    let new = |name: &Ident, attributes: &[Attribute]| new(of, name, attributes, item.span());
    Some(match item {
        ImplItem::Const(item) => new(&item.ident, &item.attrs),
        ImplItem::Fn(item) => with_body(new(&item.sig.ident, &item.attrs), &item.block, &item.vis),
        ImplItem::Type(item) => new(&item.ident, &item.attrs),
        _ => return None,
    })
}

fn in_trait(of: &str, item: &TraitItem) -> Option<Named> {
    let new = |name: &Ident, attributes: &[Attribute]| new(of, name, attributes, item.span());
    Some(match item {
        TraitItem::Const(item) => new(&item.ident, &item.attrs),
        TraitItem::Fn(item) => {
            let body = item.default.as_ref().map(bytes_of);
            Named { body, ..new(&item.sig.ident, &item.attrs) }
        }
        TraitItem::Type(item) => new(&item.ident, &item.attrs),
        _ => return None,
    })
}

/// The function that an item is.
fn with_body(item: Named, block: &Block, visibility: &Visibility) -> Named {
    let is_private = matches!(visibility, Visibility::Inherited);
    Named { is_private, body: Some(bytes_of(block)), ..item }
}

/// Where a block stands, from brace to brace.
fn bytes_of(block: &Block) -> Range<usize> {
    block.brace_token.span.join().byte_range()
}

/// An item of the type `of`, or of none; rustfmt puts its name on its first line.
fn new(of: &str, name: &Ident, attributes: &[Attribute], whole: Span) -> Named {
    let shown = attributes.iter().filter(|attribute| is_worth_reading(attribute));
    Named {
        path: if of.is_empty() { name.to_string() } else { format!("{of}::{name}") },
        is_private: false,
        body: None,
        lines: name.span().start().line..=whole.end().line,
        attributes: shown.flat_map(|attribute| lines_of(attribute.span())).collect(),
    }
}

/// Whether an attribute says something about the code, or only talks to the compiler's lints.
fn is_worth_reading(attribute: &Attribute) -> bool {
    ["must_use", "allow", "expect", "inline", "doc"]
        .iter()
        .all(|silent| !attribute.path().is_ident(silent))
}

/// `T` of `impl<…> T<…>` and of `impl Trait for &T`.
fn type_name(of: &Type) -> String {
    match of {
        Type::Path(path) => {
            path.path.segments.last().map_or(String::new(), |last| last.ident.to_string())
        }
        Type::Reference(reference) => type_name(&reference.elem),
        _ => String::new(),
    }
}
