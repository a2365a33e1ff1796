//! `weave`: copies code, outputs and figures between markers into the chapters, so that they cannot drift.
//!
//! ```text
//! <!-- weave crates/attention/src/mask.rs#future -->
//! <!-- weave crates/attention/src/layer.rs#CausalSelfAttention::forward -->
//! <!-- weave crates/attention/examples/causal_mask.out -->
//! <!-- weave crates/attention/examples/causal_mask.out#1-5 -->
//! <!-- weave chapters/figures/softmax.svg The softmax of two scores -->
//! ```
//!
//! Each is closed by `<!-- /weave -->`; what stands between is written here. `#1-5` takes lines of an output.
//! Documentation comments of an item stay out (the article explains), attributes that talk to lints too.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::compare::Reference;
use crate::source::Source;

const OPEN: &str = "<!-- weave ";
const CLOSE: &str = "<!-- /weave -->";

/// A Markdown file as `weave` would write it.
#[derive(Debug, Default)]
pub struct Woven {
    /// The whole text.
    pub text: String,
    /// Lines (from 1) of the markers whose block differs from what it must be.
    pub stale: Vec<usize>,
    /// What is wrong, each with its line.
    pub errors: Vec<String>,
}

/// A line of Markdown and where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// Written by the author.
    Prose,
    /// In a fenced block that the author typed, its fences included.
    Fence,
    /// A marker, or what stands between two.
    Woven,
}

/// Tells for each line whether it is prose, typed fence or woven.
pub fn places(text: &str) -> Vec<Place> {
    let mut places = Vec::new();
    let (mut fence, mut woven): (Option<String>, bool) = (None, false);
    for line in text.lines() {
        let trimmed = line.trim_start();
        if woven {
            woven = trimmed != CLOSE;
            places.push(Place::Woven);
        } else if let Some(mark) = &fence {
            if trimmed.starts_with(mark.as_str())
                && trimmed.trim_matches(['`', '~', ' ']).is_empty()
            {
                fence = None;
            }
            places.push(Place::Fence);
        } else if let Some(mark) = fence_mark(trimmed) {
            fence = Some(mark);
            places.push(Place::Fence);
        } else if trimmed.starts_with(OPEN) {
            woven = true;
            places.push(Place::Woven);
        } else {
            places.push(Place::Prose);
        }
    }
    places
}

/// The backticks or tildes that open a fenced block.
fn fence_mark(line: &str) -> Option<String> {
    ['`', '~'].into_iter().find_map(|mark| {
        let mark: String = line.chars().take_while(|c| *c == mark).collect();
        (mark.len() >= 3).then_some(mark)
    })
}

/// Weaves one file. `block` gives what belongs between the markers of a directive.
pub fn weave_text(text: &str, block: &dyn Fn(&str) -> Result<String>) -> Woven {
    let mut woven = Woven::default();
    let lines: Vec<&str> = text.lines().collect();
    let places = places(text);
    let mut i = 0;
    while i < lines.len() {
        let (line, number) = (lines[i], i + 1);
        woven.text.push_str(line);
        woven.text.push('\n');
        i += 1;
        match places[i - 1] {
            Place::Fence => {
                let opens = i == 1
                    || places[i - 2] != Place::Fence
                    || is_second_fence(&lines, &places, i - 1);
                if opens && is_rust(line) {
                    woven.errors.push(format!(
                        "line {number}: a typed Rust block; name the item and let it be woven"
                    ));
                }
            }
            Place::Prose if line.trim() == CLOSE => {
                woven.errors.push(format!("line {number}: {CLOSE} closes nothing"));
            }
            Place::Prose => {}
            Place::Woven => {
                let Some(directive) =
                    line.trim().strip_prefix(OPEN).and_then(|rest| rest.strip_suffix("-->"))
                else {
                    woven.errors.push(format!("line {number}: the marker must end with -->"));
                    while i < lines.len() && places[i] == Place::Woven {
                        woven.text.push_str(lines[i]);
                        woven.text.push('\n');
                        i += 1;
                    }
                    continue;
                };
                let end = lines[i..]
                    .iter()
                    .position(|line| line.trim_start().starts_with("<!-- ") && is_marker(line));
                let Some(end) = end.map(|end| i + end).filter(|&end| lines[end].trim() == CLOSE)
                else {
                    woven
                        .errors
                        .push(format!("line {number}: the block is never closed by {CLOSE}"));
                    // What follows cannot be told from the block: leave the rest as it is.
                    for line in &lines[i..] {
                        woven.text.push_str(line);
                        woven.text.push('\n');
                    }
                    return woven;
                };
                let old = lines[i..end].join("\n");
                let new = match block(directive.trim()) {
                    Ok(new) => new,
                    Err(error) => {
                        woven.errors.push(format!("line {number}: {error:#}"));
                        old.clone()
                    }
                };
                if new.trim_end() != old {
                    woven.stale.push(number);
                }
                if !new.trim_end().is_empty() {
                    woven.text.push_str(new.trim_end());
                    woven.text.push('\n');
                }
                woven.text.push_str(CLOSE);
                woven.text.push('\n');
                i = end + 1;
            }
        }
    }
    woven
}

/// What the markers of a text want to be woven.
pub fn directives(text: &str) -> Vec<&str> {
    let woven = text.lines().zip(places(text)).filter(|(_, place)| *place == Place::Woven);
    woven
        .filter_map(|(line, _)| line.trim().strip_prefix(OPEN)?.strip_suffix("-->"))
        .map(str::trim)
        .collect()
}

fn is_marker(line: &str) -> bool {
    line.trim() == CLOSE || line.trim_start().starts_with(OPEN)
}

/// Whether this line opens a fence right after another one was closed.
fn is_second_fence(lines: &[&str], places: &[Place], at: usize) -> bool {
    let first = (0..=at).rev().take_while(|&i| places[i] == Place::Fence).last().unwrap_or(at);
    let mut open: Option<String> = None;
    for (i, line) in lines.iter().enumerate().take(at + 1).skip(first) {
        match &open {
            None if i == at => return true,
            None => open = fence_mark(line.trim_start()),
            Some(mark) => {
                let trimmed = line.trim_start();
                if trimmed.starts_with(mark.as_str())
                    && trimmed.trim_matches(['`', '~', ' ']).is_empty()
                {
                    open = None;
                }
            }
        }
    }
    false
}

fn is_rust(fence: &str) -> bool {
    let information = fence.trim_start().trim_start_matches(['`', '~']).trim();
    let language = information.split([',', ' ', '{']).next().unwrap_or_default();
    language.eq_ignore_ascii_case("rust") || language.eq_ignore_ascii_case("rs")
}

/// What belongs between the markers of a directive in a file of `folder` (seen from the root: `chapters`, or empty).
pub fn block(root: &Path, folder: &str, directive: &str) -> Result<String> {
    let (target, remark) = directive.split_once(char::is_whitespace).unwrap_or((directive, ""));
    let (path, selection) =
        target.split_once('#').map_or((target, None), |(path, item)| (path, Some(item)));
    let file = root.join(path);
    ensure!(file.is_file(), "{path}: there is no such file");
    let link = relative(folder, path);
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ensure!(remark.is_empty() || extension == "svg", "`{remark}`: only a figure takes a text");
    match (extension, selection) {
        ("rs", Some(name)) => {
            let text = fs::read_to_string(&file).with_context(|| format!("cannot read {path}"))?;
            let code = Source::parse(&text)
                .and_then(|source| source.item(name))
                .with_context(|| path.to_owned())?;
            Ok(format!("[`{path}`]({link})\n\n{}", fenced("rust", &code)))
        }
        ("rs", None) => bail!("{path}: name an item of it, as in {path}#name"),
        ("out", lines) => {
            let reference = Reference::read(&file)?;
            let body = reference.body.trim_end();
            let body = lines
                .map_or_else(|| Ok(body.to_owned()), |lines| select(body, lines))
                .with_context(|| path.to_owned())?;
            Ok(format!("{}\n\n{}", caption(folder, path, &reference), fenced("text", &body)))
        }
        ("svg", None) => {
            let stem = file
                .file_stem()
                .map(|stem| stem.to_string_lossy().replace('_', " "))
                .unwrap_or_default();
            Ok(format!("![{}]({link})", if remark.is_empty() { &stem } else { remark.trim() }))
        }
        _ => bail!("{target}: code (.rs#item), outputs (.out) and figures (.svg) can be woven"),
    }
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

/// The lines of an output that `5` or `2-5` names; a line of dots stands for what is left out.
fn select(body: &str, lines: &str) -> Result<String> {
    let all: Vec<_> = body.lines().collect();
    let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
    let parse = |number: &str| {
        number.parse::<usize>().with_context(|| format!("`#{lines}` names no lines"))
    };
    let (first, last) = (parse(first)?, parse(last)?);
    ensure!(
        (1..=last).contains(&first) && last <= all.len(),
        "it has lines 1 to {}, not {lines}",
        all.len()
    );
    let mut chosen = Vec::new();
    if first > 1 {
        chosen.push("…");
    }
    chosen.extend(&all[first - 1..last]);
    if last < all.len() {
        chosen.push("…");
    }
    Ok(chosen.join("\n"))
}

/// The Markdown files that are woven: the chapters and the project's README.
pub fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let folder = root.join("chapters");
    let mut files = Vec::new();
    if folder.is_dir() {
        for entry in
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    files.sort();
    let readme = root.join("README.md");
    files.extend(readme.is_file().then_some(readme));
    Ok(files)
}

/// The folder of a woven file, seen from the root.
pub fn folder_of(root: &Path, file: &Path) -> &'static str {
    if file.parent() == Some(root) { "" } else { "chapters" }
}

/// Demos without an output, and outputs that do not say where they come from.
pub fn demo_errors(root: &Path) -> Result<Vec<String>> {
    let mut errors = Vec::new();
    for file in crate::files::matching(root, "crates/*/examples/**/*.*")? {
        let place = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        // Deeper down lie modules that demos share.
        let is_demo = file.parent().is_some_and(|folder| folder.ends_with("examples"));
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("rs") if is_demo && !file.with_extension("out").is_file() => {
                errors.push(format!("{place}: the demo has no .out"));
            }
            Some("out") => {
                if let Err(error) = Reference::read(&file) {
                    errors.push(format!("{place}: {}", error.root_cause()));
                }
            }
            _ => {}
        }
    }
    Ok(errors)
}

/// Writes the woven blocks of all chapters, or compares them.
pub fn run(root: &Path, check: bool) -> Result<()> {
    let mut errors = demo_errors(root)?;
    let (mut rewritten, mut blocks) = (Vec::new(), 0);
    for file in files(root)? {
        let place = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {place}"))?;
        let folder = folder_of(root, &file);
        let woven = weave_text(&text, &|directive| block(root, folder, directive));
        blocks += woven.text.lines().filter(|line| line.starts_with(OPEN)).count();
        errors.extend(woven.errors.iter().map(|error| format!("{place}: {error}")));
        if woven.stale.is_empty() {
            continue;
        }
        let lines: Vec<_> = woven.stale.iter().map(ToString::to_string).collect();
        if check {
            errors.push(format!(
                "{place}: stale blocks at line {}; run `cargo xtask weave`",
                lines.join(", ")
            ));
        } else {
            fs::write(&file, woven.text).with_context(|| format!("cannot write {place}"))?;
            rewritten.push(format!("{place}: blocks at line {}", lines.join(", ")));
        }
    }
    for line in &rewritten {
        println!("wrote {line}; reread the paragraph around each");
    }
    if errors.is_empty() {
        println!("{blocks} woven blocks are what their sources say");
        return Ok(());
    }
    for error in &errors {
        println!("{error}");
    }
    bail!("{} errors in the chapters", errors.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weave(text: &str) -> Woven {
        weave_text(text, &|directive| match directive {
            "a.rs#f" => Ok("```rust\nfn f() {}\n```".to_owned()),
            other => bail!("{other}: no item"),
        })
    }

    const FRESH: &str =
        "# Title\n\n<!-- weave a.rs#f -->\n```rust\nfn f() {}\n```\n<!-- /weave -->\n\nText.\n";

    #[test]
    fn a_fresh_block_stays_as_it_is() {
        let woven = weave(FRESH);
        assert_eq!((woven.text.as_str(), woven.stale.len(), woven.errors.len()), (FRESH, 0, 0));
    }

    #[test]
    fn an_empty_or_stale_block_is_written() {
        for old in ["", "```rust\nfn g() {}\n```\n", "fn f() {}\n\n\n"] {
            let woven = weave(&format!(
                "# Title\n\n<!-- weave a.rs#f -->\n{old}<!-- /weave -->\n\nText.\n"
            ));
            assert_eq!(woven.text, FRESH);
            assert_eq!((woven.stale, woven.errors.len()), (vec![3], 0), "{old:?}");
        }
    }

    #[test]
    fn what_an_author_can_get_wrong_is_an_error_with_its_line() {
        for (text, line, message) in [
            ("a\n<!-- weave a.rs#f -->\nx\n", 2, "never closed"),
            ("<!-- weave a.rs#f -->\n<!-- weave a.rs#f -->\n<!-- /weave -->\n", 1, "never closed"),
            ("<!-- weave a.rs#f\n<!-- /weave -->\n", 1, "must end with"),
            ("a\n\n<!-- /weave -->\n", 3, "closes nothing"),
            ("<!-- weave a.rs#g -->\n<!-- /weave -->\n", 1, "no item"),
            ("a\n```rust\nfn typed() {}\n```\n", 2, "typed Rust"),
            ("~~~ Rust,ignore\n~~~\n", 1, "typed Rust"),
            ("```text\n```\n```rs\n```\n", 3, "typed Rust"),
            ("1. a\n\n   ```rust\n   ```\n", 3, "typed Rust"),
        ] {
            let woven = weave(text);
            let [error] = &woven.errors[..] else {
                panic!("one error for {text:?}: {:?}", woven.errors)
            };
            assert!(
                error.starts_with(&format!("line {line}: ")) && error.contains(message),
                "{error}"
            );
            assert_eq!(woven.text, text, "a file with errors keeps its text");
        }
    }

    #[test]
    fn markers_inside_a_typed_block_are_text() {
        let text =
            "````text\n<!-- weave a.rs#g -->\n```rust\n````\n\n```sh\ncargo xtask weave\n```\n";
        let woven = weave(text);
        assert_eq!((woven.text.as_str(), woven.errors.len()), (text, 0), "{:?}", woven.errors);
    }

    fn project() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &str, text: &str| {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
            fs::write(file, text).expect("a file");
        };
        write(
            "crates/attention/src/mask.rs",
            "/// Hides.\npub fn future(t: i64) -> i64 {\n    t\n}\n",
        );
        write("crates/attention/examples/d.rs", "fn main() {}\n");
        write(
            "crates/attention/examples/d.out",
            "# from PyTorch 2.13.0: data/reference/d.py\n# rtol 0.1 atol 0\none\ntwo\n```\nfour\n",
        );
        write("chapters/figures/soft_max.svg", "<svg/>");
        write(
            "runs/log.out",
            "# from this repository at 1234567\n# command cargo run -p train\nloss 1.0\n",
        );
        folder
    }

    #[test]
    fn code_outputs_and_figures_become_markdown() {
        let project = project();
        let made = |directive: &str| block(project.path(), "chapters", directive).expect(directive);
        assert_eq!(
            made("crates/attention/src/mask.rs#future"),
            "[`crates/attention/src/mask.rs`](../crates/attention/src/mask.rs)\n\n```rust\npub fn future(t: i64) -> i64 {\n    t\n}\n```"
        );
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
        let from_root =
            block(project.path(), "", "crates/attention/src/mask.rs#future").expect("woven");
        assert!(from_root.contains("](crates/attention"), "{from_root}");
    }

    #[test]
    fn what_cannot_be_woven_is_refused() {
        let project = project();
        for (directive, message) in [
            ("crates/attention/src/mask.rs#past", "no item is named past"),
            ("crates/attention/src/gone.rs#future", "no such file"),
            ("crates/attention/src/mask.rs", "name an item"),
            ("crates/attention/examples/d.out#3-9", "lines 1 to 4"),
            ("crates/attention/examples/d.out#0-1", "lines 1 to 4"),
            ("crates/attention/examples/d.out#x", "names no lines"),
            ("crates/attention/src/mask.rs#future text", "only a figure"),
            ("chapters/figures", "no such file"),
        ] {
            let error =
                format!("{:#}", block(project.path(), "chapters", directive).expect_err(directive));
            assert!(error.contains(message), "{directive}: {error}");
        }
    }

    #[test]
    fn a_demo_without_output_and_an_output_without_source_are_errors() {
        let project = project();
        let folder = project.path().join("crates/attention/examples");
        assert_eq!(demo_errors(project.path()).expect("listed"), Vec::<String>::new());
        fs::write(folder.join("e.rs"), "fn main() {}\n").expect("a file");
        fs::write(folder.join("d.public.out"), "one\n").expect("a file");
        fs::create_dir(folder.join("shared")).expect("a folder");
        fs::write(folder.join("shared/mod.rs"), "").expect("a file");
        let errors = demo_errors(project.path()).expect("listed").join("\n");
        assert!(errors.contains("e.rs: the demo has no .out"), "{errors}");
        assert!(errors.contains("d.public.out: the first line must say"), "{errors}");
        assert!(!errors.contains("mod.rs"), "{errors}");
    }

    #[test]
    fn checking_fails_until_the_chapter_is_woven_again() {
        let project = project();
        let chapter = project.path().join("chapters/1-x.md");
        fs::write(
            &chapter,
            "<!-- weave crates/attention/src/mask.rs#future -->\n<!-- /weave -->\n",
        )
        .expect("a file");
        assert!(run(project.path(), true).is_err(), "not woven yet");
        run(project.path(), false).expect("woven");
        run(project.path(), true).expect("fresh");
        fs::write(project.path().join("crates/attention/src/mask.rs"), "pub fn past() {}\n")
            .expect("a file");
        assert!(run(project.path(), true).is_err(), "the function has another name now");
        assert!(run(project.path(), false).is_err(), "and weaving cannot mend that");
    }

    #[test]
    fn the_chapters_are_woven() {
        run(&xtask::project_root(), true).expect("run `cargo xtask weave`");
    }
}
