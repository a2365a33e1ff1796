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
    /// Whether it is a function or a method.
    pub is_function: bool,
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
        let (name, attributes) = match item {
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
            Item::Const(item) => (&item.ident, &item.attrs),
            Item::Enum(item) => (&item.ident, &item.attrs),
            Item::Fn(item) => (&item.sig.ident, &item.attrs),
            Item::Static(item) => (&item.ident, &item.attrs),
            Item::Struct(item) => (&item.ident, &item.attrs),
            Item::Trait(item) => (&item.ident, &item.attrs),
            Item::Type(item) => (&item.ident, &item.attrs),
            Item::Union(item) => (&item.ident, &item.attrs),
            Item::Macro(syn::ItemMacro { ident: Some(name), attrs, .. }) => (name, attrs),
            _ => continue,
        };
        let (body, is_private) = match item {
            Item::Fn(function) => (Some(bytes_of(&function.block)), is_inherited(&function.vis)),
            _ => (None, false),
        };
        let what = (name, attributes, body.is_some());
        named.push(Named { is_private, body, ..new("", what, item.span()) });
        if let Item::Trait(block) = item {
            let of = block.ident.to_string();
            named.extend(block.items.iter().filter_map(|item| in_trait(&of, item)));
        }
    }
}

fn in_impl(of: &str, item: &ImplItem) -> Option<Named> {
    let what = match item {
        ImplItem::Const(item) => (&item.ident, &item.attrs, false),
        ImplItem::Fn(item) => (&item.sig.ident, &item.attrs, true),
        ImplItem::Type(item) => (&item.ident, &item.attrs, false),
        _ => return None,
    };
    let (body, is_private) = match item {
        ImplItem::Fn(item) => (Some(bytes_of(&item.block)), is_inherited(&item.vis)),
        _ => (None, false),
    };
    Some(Named { is_private, body, ..new(of, what, item.span()) })
}

fn is_inherited(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Inherited)
}

fn in_trait(of: &str, item: &TraitItem) -> Option<Named> {
    let what = match item {
        TraitItem::Const(item) => (&item.ident, &item.attrs, false),
        TraitItem::Fn(item) => (&item.sig.ident, &item.attrs, true),
        TraitItem::Type(item) => (&item.ident, &item.attrs, false),
        _ => return None,
    };
    let body = match item {
        TraitItem::Fn(item) => item.default.as_ref().map(bytes_of),
        _ => None,
    };
    Some(Named { body, ..new(of, what, item.span()) })
}

/// Where a block stands, from brace to brace.
fn bytes_of(block: &Block) -> Range<usize> {
    block.brace_token.span.join().byte_range()
}

/// An item of the type `of`, or of none; rustfmt puts its name on its first line.
fn new(of: &str, what: (&Ident, &Vec<Attribute>, bool), whole: Span) -> Named {
    let (name, attributes, is_function) = what;
    let shown = attributes.iter().filter(|attribute| is_worth_reading(attribute));
    Named {
        path: if of.is_empty() { name.to_string() } else { format!("{of}::{name}") },
        is_function,
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
