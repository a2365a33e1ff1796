//! What somebody has brought whose file of tasks is no JSON (chapter 5.2).

use anyhow::anyhow;

/// What the parser complains of, with what is there instead of JSON and the way out.
pub fn no_json(text: &str, error: &serde_json::Error) -> anyhow::Error {
    let hint = hint(text, error).map_or_else(String::new, |hint| format!(" ({hint})"));
    anyhow!("{error}{hint}").context("it is not JSON")
}

fn hint(text: &str, error: &serde_json::Error) -> Option<&'static str> {
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default().as_bytes();
    let at = error.column().min(line.len());
    let near = &line[at.saturating_sub(3)..(at + 5).min(line.len())];
    let has = |word: &[u8]| near.windows(word.len()).any(|part| part == word);
    let needs_key = error.to_string().starts_with("key must be a string");
    if has(b"NaN") || has(b"Inf") {
        Some("NaN and Infinity are no JSON; write null where nothing is known")
    } else if needs_key && has(b"}") {
        Some("there is a comma before the closing brace")
    } else if needs_key && has(b"'") {
        Some("single quotes are Python's; json.dump writes JSON")
    } else if has(b"//") || has(b"/*") {
        Some("JSON has no comments")
    } else if line[..at].ends_with(b"},") && line[at..].trim_ascii().is_empty() {
        Some(
            "there is a comma after an object; one object a line takes none, a list has brackets around it",
        )
    } else {
        other_format(text)
    }
}

/// Which other format a text has that begins as none of JSON does.
fn other_format(text: &str) -> Option<&'static str> {
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with(['[', '{']) {
        None
    } else if text.starts_with('<') {
        Some("it is a web page or XML")
    } else if first.starts_with("- ") || first.starts_with("---") {
        Some("YAML is not read; in Python, json.dump(yaml.safe_load(...), FILE) writes JSON")
    } else if first.contains(',') || first.contains('\t') {
        Some(
            "tables (CSV, TSV) are not read; in Python, to_json(FILE, orient=\"records\") of pandas writes JSON",
        )
    } else {
        None
    }
}
