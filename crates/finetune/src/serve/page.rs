//! The page itself: files that are part of the program, for a browser at the server's address, or all in one for a file.

use super::limits::Refusal;
use axum::{
    extract::{Path, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

const INDEX: &str = include_str!("assets/index.html");
const STYLE: &str = include_str!("assets/style.css");
const ICON: &str = include_str!("assets/icon.svg");
/// The modules, each behind those that it imports.
const MODULES: [(&str, &str); 7] = [
    ("dom.js", include_str!("assets/dom.js")),
    ("tokens.js", include_str!("assets/tokens.js")),
    ("write.js", include_str!("assets/write.js")),
    ("look.js", include_str!("assets/look.js")),
    ("compare.js", include_str!("assets/compare.js")),
    ("watch.js", include_str!("assets/watch.js")),
    ("main.js", include_str!("assets/main.js")),
];
/// Nothing from another host, and no script but ours, whatever a model writes.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// `GET /`.
pub async fn index() -> Response {
    file("text/html; charset=utf-8", INDEX)
}

/// `GET /NAME`.
pub async fn asset(name: Result<Path<String>, PathRejection>) -> Response {
    let name = name.map_or(String::new(), |Path(name)| name); // no file's name is no UTF-8
    let module = MODULES.iter().find(|(known, _)| *known == name);
    match (&name[..], module) {
        (_, Some((_, text))) => file("text/javascript; charset=utf-8", text),
        ("style.css", _) => file("text/css; charset=utf-8", STYLE),
        ("icon.svg", _) => file("image/svg+xml", ICON),
        _ => Refusal::new(StatusCode::NOT_FOUND, "there is nothing here; the page is at /")
            .into_response(),
    }
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}

/// The page as one file, with what it shows in it.
pub fn alone(data: &Value) -> String {
    // The modules become one, in which they see each other without importing.
    let line = |line: &str| match line.strip_prefix("export ") {
        Some(rest) => format!("{rest}\n"),
        None if line.starts_with("import ") => String::new(),
        None => format!("{line}\n"),
    };
    let script: String = MODULES.iter().flat_map(|(_, text)| text.lines().map(line)).collect();
    let data = data.to_string().replace('<', "\\u003c"); // no text of a model's ends the script
    INDEX
        .replace("<link rel=\"icon\" href=\"icon.svg\">\n", "")
        .replace("<link rel=\"stylesheet\" href=\"style.css\">", &format!("<style>\n{STYLE}</style>"))
        .replace(
            "<script type=\"module\" src=\"main.js\"></script>",
            &format!("<script type=\"application/json\" id=\"data\">{data}</script>\n<script type=\"module\">\n{script}</script>"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_page_as_a_file_needs_no_other_and_no_text_in_it_is_markup() {
        let page = alone(&json!({ "pieces": ["</script><script>alert(1)</script>"] }));
        for missing in [" src=", " href=", "import ", "export "] {
            assert!(!page.contains(missing), "{missing}");
        }
        assert_eq!(page.matches("<script").count(), 2);
        assert!(page.contains("\\u003c/script>\\u003cscript>alert(1)"));
    }
}
