//! `book`: the chapters as a book, with mdBook, that needs no network to be read.
//!
//! The chapters are written for GitHub. What GitHub does with them and mdBook does not is done on a copy under `target/`:
//! formulas become MathML, drawn with the mathematical font that the crate pulldown-latex brings along (Latin Modern
//! Math, GUST Font License); the markers of `weave` go; the list of chapters is made from the files. A link that leads
//! nowhere, a formula that cannot be drawn and a page that would fetch something from another server are errors. In the edition for
//! learners the code of exercises is folded.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use serde_json::Value;

use crate::files::matching;
use crate::findings::{at, verdict};
use crate::formulas::for_mdbook;
use crate::learn::boxes::Solutions;
use crate::lint::links;
use crate::run::{cargo, pass_through, succeed};

const MDBOOK_VERSION: &str = "0.5.4";

/// The pages beside the chapters, in the order in which a reader may want them.
const BESIDE: [&str; 6] =
    ["fast.md", "next.md", "series.md", "learn.md", "numbers.md", "faults.md"];

/// Builds the book into `book/`, checks it, and opens it if wished.
pub fn run(root: &Path, open: bool, for_learners: bool) -> Result<()> {
    let mdbook = provide_mdbook(root)?;
    let sources = root.join("target/book");
    let solutions = if for_learners { Solutions::read(root)? } else { Solutions::default() };
    let pages = prepare(root, &sources, &solutions)?;
    copy_font(root, &sources.join("src"))?;
    let built = root.join("book");
    // It reports what it does on standard error; what matters is whether it ends well and what the check finds.
    let mut command = Command::new(mdbook);
    command.arg("build").arg(&sources).arg("--dest-dir").arg(&built);
    succeed(command.args(open.then_some("--open")))?;
    let mut findings = fetched(&built)?;
    for page in matching(root, "chapters/*.md")? {
        findings.extend(links::broken(&page)?.iter().map(|finding| at(root, &page, finding)));
    }
    let in_order = "all links, images and formulas in order; begin with book/index.html";
    let well = format!("{pages} pages in book/, {in_order}");
    verdict(&findings, &well, "findings in the built book")
}

/// The mdBook of the wanted version: on the path, or built once under `target/tools`.
fn provide_mdbook(root: &Path) -> Result<PathBuf> {
    let own = root.join("target/tools/bin/mdbook");
    for candidate in [PathBuf::from("mdbook"), own.clone()] {
        let version = Command::new(&candidate).arg("--version").stderr(Stdio::null()).output();
        if version.is_ok_and(|version| {
            String::from_utf8_lossy(&version.stdout).trim() == format!("mdbook v{MDBOOK_VERSION}")
        }) {
            return Ok(candidate);
        }
    }
    eprintln!("building mdBook {MDBOOK_VERSION} into target/tools first: once, for some minutes");
    let mut command = cargo(root);
    command.args(["install", "--quiet", "--locked", "mdbook", "--version", MDBOOK_VERSION]);
    command.args(["--root", "target/tools"]);
    // It is no member of this workspace: it needs neither its target folder nor what links libtorch.
    pass_through(command.env_remove("CARGO_TARGET_DIR"))?;
    ensure!(own.is_file(), "cargo install left no {}", own.display());
    Ok(own)
}

/// Writes what mdBook reads; returns the number of pages.
fn prepare(root: &Path, sources: &Path, solutions: &Solutions) -> Result<usize> {
    if sources.exists() {
        fs::remove_dir_all(sources)?;
    }
    let chapters = root.join("chapters");
    let src = sources.join("src");
    fs::create_dir_all(&src)?;
    for name in ["book.toml", "book.css"] {
        fs::copy(chapters.join(name), sources.join(name))?;
    }
    for file in matching(&chapters, "*/*.*")? {
        let copy = src.join(file.strip_prefix(&chapters)?);
        fs::create_dir_all(copy.parent().unwrap_or(&src))?;
        fs::copy(file, copy)?;
    }
    let mut pages = Vec::new();
    for path in matching(&chapters, "*.md")? {
        let name = path.file_name().unwrap_or_default().display().to_string();
        let text = fs::read_to_string(&path)?;
        let folded = |directive: &str| solutions.summary(directive);
        let page = for_mdbook(&text, &folded).with_context(|| format!("chapters/{name}"))?;
        fs::write(src.join(&name), page)?;
        pages.push((name, title(&text)));
    }
    ensure!(!pages.is_empty(), "there are no chapters yet");
    fs::write(src.join("SUMMARY.md"), summary(&mut pages))?;
    Ok(pages.len())
}

/// Puts the font for formulas beside the pages; without one, browsers on many machines set indices on the line.
fn copy_font(root: &Path, src: &Path) -> Result<()> {
    let finished = succeed(cargo(root).args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&finished.stdout)?;
    let mut packages = metadata["packages"].as_array().into_iter().flatten();
    let package = packages.find(|package| package["name"] == "pulldown-latex");
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let manifest = Path::new(manifest.context("cargo lists no pulldown-latex")?);
    let name = "latinmodern-math.woff2";
    fs::copy(manifest.with_file_name("font").join(name), src.join(name))?;
    Ok(())
}

/// The first heading of a page, without marks that would end a link's text.
fn title(text: &str) -> String {
    let heading = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("Untitled");
    heading.replace(['[', ']', '`'], "").trim().to_owned()
}

/// The list of chapters: the README first, then what begins with a number, then the pages beside them.
fn summary(pages: &mut [(String, String)]) -> String {
    let is_numbered = |name: &str| name.starts_with(|c: char| c.is_ascii_digit());
    // A page that is not listed has no number and comes last.
    let beside = |name: &str| BESIDE.iter().position(|page| *page == name).unwrap_or(BESIDE.len());
    pages.sort_by_key(|(name, _)| {
        (name != "README.md", !is_numbered(name), beside(name), name.clone())
    });
    let entries = pages.iter().map(|(name, title)| {
        let mark = if is_numbered(name) { "- " } else { "" };
        format!("{mark}[{title}]({name})\n\n")
    });
    format!("# Summary\n\n{}", entries.collect::<String>())
}

/// What the built pages would fetch from another server, where a link may lead but nothing may come from.
fn fetched(built: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for path in matching(built, "*.html")? {
        let html = fs::read_to_string(&path)?;
        let name = path.file_name().unwrap_or_default().display();
        let sources = html.split(" src=\"").skip(1).filter_map(|part| part.split('"').next());
        let strange = sources.filter(|target| target.contains("://") || target.starts_with("//"));
        findings.extend(
            strange.map(|target| format!("book/{name}: {target} comes from another server")),
        );
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    #[test]
    fn the_list_of_chapters_is_in_reading_order() {
        let page = |name: &str| (name.to_owned(), format!("T {name}"));
        let names = ["another.md", "numbers.md", "2-b.md", "fast.md", "README.md", "1-a.md"];
        let mut pages = names.map(page);
        let text = summary(&mut pages);
        let order: Vec<_> = text.lines().filter(|line| line.contains("](")).collect();
        assert_eq!(
            order,
            [
                "[T README.md](README.md)",
                "- [T 1-a.md](1-a.md)",
                "- [T 2-b.md](2-b.md)",
                "[T fast.md](fast.md)",
                "[T numbers.md](numbers.md)",
                "[T another.md](another.md)"
            ]
        );
        assert_eq!(title("text\n# The `mask` [2]\n"), "The mask 2");
    }

    #[test]
    fn a_page_that_needs_another_server_is_found() {
        let look = |html: &str| {
            let folder = project(&[("a.html", html)]);
            fetched(folder.path()).expect("read")
        };
        for fine in [
            "<img src=\"figures/a.svg\">",
            "<a href=\"https://x.y/\">d</a>",
            "<img src=\"data:image/png;base64,x\">",
        ] {
            assert_eq!(look(fine), Vec::<String>::new(), "{fine}");
        }
        for wrong in
            ["<script src=\"https://x.y/z.js\"></script>", "<img alt=\"\" src=\"//x.y/z.svg\">"]
        {
            assert!(look(wrong)[0].ends_with("comes from another server"), "{wrong}");
        }
    }
}
