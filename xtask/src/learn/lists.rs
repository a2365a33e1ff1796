//! Two lists that a test compares: where they begin to differ.

/// The first item that differs between `left: […]` and `right: […]` of a failed comparison; nothing where these are no lists.
pub fn first_difference(message: &str) -> Option<String> {
    let list = |side: &str| {
        let mut lines = message.lines().map(str::trim_start);
        let list = lines.find_map(|line| line.strip_prefix(side))?;
        Some(items(list.strip_prefix('[')?.strip_suffix(']')?))
    };
    let (left, right) = (list("left: ")?, list("right: ")?);
    let place = (0..left.len().max(right.len())).find(|at| left.get(*at) != right.get(*at))?;
    let side = |list: &[&str]| list.get(place).map_or("nothing", |item| *item).to_owned();
    Some(format!("item {}, {} left, {} right", place + 1, side(&left), side(&right)))
}

/// The items of a list as Rust prints it.
fn items(text: &str) -> Vec<&str> {
    let (mut depth, mut is_quoted, mut is_escaped, mut start) = (0, false, false, 0);
    let mut items = Vec::new();
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(text[start..].trim());
    items.retain(|item| !item.is_empty());
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(left: &str, right: &str) -> Option<String> {
        first_difference(&format!("no\n  left: {left}\n right: {right}\nat a.rs:1"))
    }

    #[test]
    fn the_first_item_that_differs_is_named_with_its_place() {
        let words = said(r#"["a, b", "\"", "c"]"#, r#"["a, b", "\"", "d", "e"]"#);
        assert_eq!(words.as_deref(), Some(r#"item 3, "c" left, "d" right"#));
        let pairs = said("[(1, 2), (3, 4)]", "[(1, 2), (3, 5)]");
        assert_eq!(pairs.as_deref(), Some("item 2, (3, 4) left, (3, 5) right"));
    }

    #[test]
    fn where_one_list_ends_there_is_nothing() {
        assert_eq!(said("[1]", "[1, 2]").as_deref(), Some("item 2, nothing left, 2 right"));
        assert_eq!(said("[]", "[7]").as_deref(), Some("item 1, nothing left, 7 right"));
    }

    #[test]
    fn what_is_no_list_has_no_place() {
        assert_eq!(said("1", "2"), None);
        assert_eq!(first_difference("largest difference 1e0"), None);
    }
}
