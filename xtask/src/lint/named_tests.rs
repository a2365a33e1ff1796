//! A page that names the test behind a claim, as `` `crates/train/tests/kill.rs: twenty_kills_leave_no_trace` ``: each of them exists.

use std::path::Path;

use fs_err as fs;

use crate::markdown::Page;

/// The tests that a page names in inline code and that are not where it says.
pub fn missing(root: &Path, page: &Page) -> Vec<String> {
    let mut findings = Vec::new();
    for (line, code) in page.codes() {
        let Some((file, name)) = code.split_once(".rs: ") else { continue };
        let source = fs::read_to_string(root.join(format!("{file}.rs"))).unwrap_or_default();
        if !has_test(&source, name) {
            findings.push(format!("line {line}: {file}.rs has no test {name}"));
        }
    }
    findings
}

/// Whether a source has a function of that name, marked as a test.
fn has_test(source: &str, name: &str) -> bool {
    source.split("#[test]").skip(1).any(|after| {
        let function = after.split_once("fn ").map_or("", |(_, function)| function);
        function.split('(').next() == Some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_named_must_be_there() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(
            folder.path().join("a.rs"),
            "#[test]\n#[cfg(unix)]\nfn it_holds() {}\n\nfn helper() {}\n",
        )
        .expect("written");
        let page = "| fault | `a.rs: it_holds` |\n| `a.rs: helper` | `b.rs: it_holds` |\n`a.rs: it_hold`, a.rs: prose\n";
        assert_eq!(
            missing(folder.path(), &Page::new(page)),
            [
                "line 2: a.rs has no test helper",
                "line 2: b.rs has no test it_holds",
                "line 3: a.rs has no test it_hold"
            ]
        );
    }
}
