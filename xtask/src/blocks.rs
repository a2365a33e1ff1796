//! What `weave` puts between two markers: code, an output, a figure, or the box of an exercise.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::learn::boxes;
use crate::outputs::Reference;
use crate::slices::{by_numbers, by_words};
use crate::source::Source;

/// What belongs between the markers of a directive in a file of `folder` (seen from the root: `chapters`, or empty).
pub fn block(root: &Path, folder: &str, directive: &str) -> Result<String> {
    let (target, remark) = directive.split_once(char::is_whitespace).unwrap_or((directive, ""));
    if target == "learn" {
        return boxes::text(root, remark.trim());
    }
    let (path, selection) =
        target.split_once('#').map_or((target, None), |(path, item)| (path, Some(item)));
    let file = root.join(path);
    ensure!(file.is_file(), "{path}: there is no such file");
    let link = relative(folder, path);
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let takes_words = ["svg", "rs", "py"].contains(&extension);
    ensure!(remark.is_empty() || takes_words, "`{remark}`: an output takes no text");
    let titled = |language: &str, code: &str| {
        Ok(format!("[`{path}`]({link})\n\n{}", fenced(language, code)))
    };
    match (extension, selection) {
        ("rs", Some(names)) => {
            let code = items(&file, names).and_then(|code| slice(&code, remark));
            titled("rust", &code.with_context(|| path.to_owned())?)
        }
        ("rs", None) => bail!("{path}: name an item of it, as in {path}#name"),
        ("py", None) => {
            let code = slice(&fs_err::read_to_string(&file)?, remark);
            titled("python", &code.with_context(|| path.to_owned())?)
        }
        ("out", lines) => output(folder, path, &file, lines),
        ("svg", None) => {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().replace('_', " ");
            Ok(format!("![{}]({link})", if remark.is_empty() { &stem } else { remark.trim() }))
        }
        _ => {
            bail!("{target}: code (.rs#item, .py), outputs (.out) and figures (.svg) can be woven")
        }
    }
}

/// An output, or the lines of it that `lines` names, under the command that prints it.
fn output(folder: &str, path: &str, file: &Path, lines: Option<&str>) -> Result<String> {
    let reference = Reference::read(file)?;
    let body = reference.body.trim_end();
    let body = lines
        .map_or_else(|| Ok(body.to_owned()), |lines| by_numbers(body, lines))
        .with_context(|| path.to_owned())?;
    Ok(format!("{}\n\n{}", caption(folder, path, &reference), fenced("text", &body)))
}

/// The items of a source that have these names, with an empty line between them.
fn items(file: &Path, names: &str) -> Result<String> {
    let source = Source::read(file)?;
    let items: Result<Vec<String>> = names.split(',').map(|name| source.item(name)).collect();
    Ok(items?.join("\n\n"))
}

/// The lines of a source that `words` name, all of them where there are no words.
fn slice(text: &str, words: &str) -> Result<String> {
    let words = words.trim();
    if words.is_empty() { Ok(text.trim_end().to_owned()) } else { by_words(text, words) }
}

/// A path from the root, seen from a file in `folder`.
fn relative(folder: &str, path: &str) -> String {
    if folder.is_empty() {
        return path.to_owned();
    }
    path.strip_prefix(&format!("{folder}/")).map_or_else(|| format!("../{path}"), str::to_owned)
}

/// A fenced block, with as many backticks as what is in it needs.
fn fenced(language: &str, text: &str) -> String {
    let longest =
        text.lines().map(|line| line.trim_start().chars().take_while(|c| *c == '`').count()).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}")
}

/// The command that prints an output, and where the expected output comes from.
fn caption(folder: &str, path: &str, reference: &Reference) -> String {
    let parts: Vec<_> = path.split('/').collect();
    let command = match parts[..] {
        ["crates", krate, "examples", file] => {
            let name = file.split('.').next().unwrap_or(file);
            Some(format!("cargo run -q -p {krate} --example {name}"))
        }
        _ => reference
            .header
            .iter()
            .find_map(|line| line.strip_prefix("# command "))
            .map(str::to_owned),
    };
    let what = command.map_or_else(
        || format!("[`{path}`]({})", relative(folder, path)),
        |command| format!("`{command}`"),
    );
    let from = match reference.from.split_once(": ") {
        Some((program, script)) if script.starts_with("data/") && !script.contains(' ') => {
            format!("[{program}]({})", relative(folder, script))
        }
        _ => reference.from.clone(),
    };
    format!("{what} (expected output from {from}):")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::files::tests::project;

    /// A project with a source, a demo, a figure and a log.
    pub fn example() -> tempfile::TempDir {
        project(&[
            (
                "crates/attention/src/mask.rs",
                "/// Hides.\npub fn future(t: i64) -> i64 {\n    t\n}\n",
            ),
            ("crates/attention/examples/d.rs", "fn main() {}\n"),
            ("data/reference/d.py", "import torch\n\nprint(torch.ones(2))\n"),
            (
                "crates/attention/examples/d.out",
                "# from PyTorch 2.13.0: data/reference/d.py\n# rtol 0.1 atol 0\none\ntwo\n```\nfour\n",
            ),
            ("chapters/figures/soft_max.svg", "<svg/>"),
            (
                "runs/log.out",
                "# from this repository at 1234567\n# command cargo run -p train\nloss 1.0\n",
            ),
        ])
    }

    #[test]
    fn code_outputs_and_figures_become_markdown() {
        let project = example();
        let made = |directive: &str| block(project.path(), "chapters", directive).expect(directive);
        assert_eq!(
            made("crates/attention/src/mask.rs#future"),
            "[`crates/attention/src/mask.rs`](../crates/attention/src/mask.rs)\n\n```rust\npub fn future(t: i64) -> i64 {\n    t\n}\n```"
        );
        let twice = made("crates/attention/src/mask.rs#future,future");
        assert!(twice.ends_with("    t\n}\n\npub fn future(t: i64) -> i64 {\n    t\n}\n```"));
        assert_eq!(
            made("crates/attention/examples/d.out"),
            "`cargo run -q -p attention --example d` (expected output from [PyTorch 2.13.0](../data/reference/d.py)):\n\n\
             ````text\none\ntwo\n```\nfour\n````"
        );
        assert!(made("crates/attention/examples/d.out#2").ends_with("```text\n…\ntwo\n…\n```"));
        assert!(made("crates/attention/examples/d.out#1-2").ends_with("```text\none\ntwo\n…\n```"));
        assert_eq!(made("chapters/figures/soft_max.svg"), "![soft max](figures/soft_max.svg)");
        assert_eq!(
            made("chapters/figures/soft_max.svg Two scores"),
            "![Two scores](figures/soft_max.svg)"
        );
        assert!(made("runs/log.out").starts_with(
            "`cargo run -p train` (expected output from this repository at 1234567):"
        ));
        assert!(
            made("crates/attention/src/mask.rs#future pub fn")
                .ends_with("future(t: i64) -> i64 {\n```")
        );
        assert_eq!(
            made("data/reference/d.py print"),
            "[`data/reference/d.py`](../data/reference/d.py)\n\n```python\nprint(torch.ones(2))\n```"
        );
        let from_root =
            block(project.path(), "", "crates/attention/src/mask.rs#future").expect("woven");
        assert!(from_root.contains("](crates/attention"), "{from_root}");
    }

    #[test]
    fn what_cannot_be_woven_is_refused() {
        let project = example();
        for (directive, message) in [
            ("crates/attention/src/mask.rs#past", "no item is named past"),
            ("crates/attention/src/gone.rs#future", "no such file"),
            ("crates/attention/src/mask.rs", "name an item"),
            ("crates/attention/examples/d.out#3-9", "lines 1 to 4"),
            ("crates/attention/examples/d.out#0-1", "lines 1 to 4"),
            ("crates/attention/examples/d.out#x", "names no lines"),
            ("crates/attention/src/mask.rs#future text", "`text` occurs in 0 lines"),
            ("crates/attention/examples/d.out text", "an output takes no text"),
            ("chapters/figures", "no such file"),
        ] {
            let error =
                format!("{:#}", block(project.path(), "chapters", directive).expect_err(directive));
            assert!(error.contains(message), "{directive}: {error}");
        }
    }
}
