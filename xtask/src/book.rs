//! `book`: the chapters as a book, with mdBook, that needs no network to be read.
//!
//! The chapters are written for GitHub. What GitHub does with them and mdBook does not is done on a copy under `target/`:
//! formulas (`$…$`, `$$…$$`) become MathML, which browsers draw by themselves, with the mathematical font that the crate
//! pulldown-latex brings along (Latin Modern Math, GUST Font License); the markers of `weave` go; the list of
//! chapters is made from the files. The built pages are then read again: every link and image must lead somewhere, no
//! formula may be left raw, and nothing may come from another server.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::mathml::push_mathml;
use pulldown_latex::{Parser, Storage};

use serde_json::Value;

use crate::run::{capture, cargo, pass_through, words};
use crate::weave::{Place, places};

const MDBOOK_VERSION: &str = "0.5.4";

/// Builds the book into `book/`, checks it, and opens it if wished.
pub fn run(root: &Path, open: bool) -> Result<()> {
    let sources = root.join("target/book");
    let pages = prepare(root, &sources)?;
    copy_font(root, &sources.join("src"))?;
    let mdbook = provide_mdbook(root)?;
    let built = root.join("book");
    let mut command = Command::new(mdbook);
    command.arg("build").arg(&sources).arg("--dest-dir").arg(&built);
    // It reports what it does on standard error; what matters is whether it ends well and what the check finds.
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", words(&command)))?;
    if !output.status.success() {
        bail!(
            "mdbook failed ({})\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    let findings = check(root, &built)?;
    if !findings.is_empty() {
        for finding in &findings {
            println!("{finding}");
        }
        bail!("{} findings in the built book", findings.len());
    }
    println!(
        "{pages} pages in book/, all links, images and formulas in order; begin with book/index.html"
    );
    if open { open_in_browser(&built.join("index.html")) } else { Ok(()) }
}

fn open_in_browser(page: &Path) -> Result<()> {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    pass_through(Command::new(opener).arg(page))
        .with_context(|| format!("open {} by hand", page.display()))
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
    eprintln!(
        "building mdBook {MDBOOK_VERSION} into target/tools; this happens once and takes some minutes"
    );
    let mut command = cargo(root);
    command.args([
        "install",
        "--quiet",
        "--locked",
        "mdbook",
        "--version",
        MDBOOK_VERSION,
        "--root",
        "target/tools",
    ]);
    // It is no member of this workspace: it needs neither its target folder nor what links libtorch.
    pass_through(command.env_remove("CARGO_TARGET_DIR"))?;
    ensure!(own.is_file(), "cargo install left no {}", own.display());
    Ok(own)
}

/// Writes what mdBook reads; returns the number of pages.
fn prepare(root: &Path, sources: &Path) -> Result<usize> {
    let chapters = root.join("chapters");
    if sources.exists() {
        fs::remove_dir_all(sources)
            .with_context(|| format!("cannot remove {}", sources.display()))?;
    }
    let src = sources.join("src");
    fs::create_dir_all(&src).with_context(|| format!("cannot make {}", src.display()))?;
    for name in ["book.toml", "book.css"] {
        fs::copy(chapters.join(name), sources.join(name))
            .with_context(|| format!("cannot copy chapters/{name}"))?;
    }
    let mut pages = Vec::new();
    for entry in
        fs::read_dir(&chapters).with_context(|| format!("cannot list {}", chapters.display()))?
    {
        let path = entry?.path();
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            continue;
        };
        if path.is_dir() {
            copy_folder(&path, &src.join(&name))?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read chapters/{name}"))?;
            let page = for_mdbook(&text).with_context(|| format!("chapters/{name}"))?;
            fs::write(src.join(&name), page).with_context(|| format!("cannot write {name}"))?;
            pages.push((name, title(&text)));
        }
    }
    ensure!(!pages.is_empty(), "there are no chapters yet");
    fs::write(src.join("SUMMARY.md"), summary(&mut pages)).context("cannot write SUMMARY.md")?;
    Ok(pages.len())
}

/// Puts the font for formulas beside the pages; without one, browsers on many machines set indices on the line.
fn copy_font(root: &Path, src: &Path) -> Result<()> {
    let finished = capture(cargo(root).args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value =
        serde_json::from_str(&finished.stdout).with_context(|| finished.stderr.clone())?;
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let package = packages.iter().find(|package| package["name"] == "pulldown-latex");
    let manifest = package
        .and_then(|package| package["manifest_path"].as_str())
        .context("cargo lists no pulldown-latex")?;
    let font = Path::new(manifest).with_file_name("font").join("latinmodern-math.woff2");
    fs::copy(&font, src.join("latinmodern-math.woff2"))
        .with_context(|| format!("cannot copy {}", font.display()))?;
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let path = entry?.path();
        if path.is_file() {
            let name = path.file_name().unwrap_or_default();
            fs::copy(&path, to.join(name))
                .with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

/// The first heading of a page, without marks that would end a link's text.
fn title(text: &str) -> String {
    let heading = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("Untitled");
    heading.replace(['[', ']', '`'], "").trim().to_owned()
}

/// The list of chapters: the README first, then what begins with a number, then the rest.
fn summary(pages: &mut [(String, String)]) -> String {
    pages.sort_by_key(|(name, _)| {
        let place = if name == "README.md" {
            0
        } else {
            1 + u8::from(!name.starts_with(|c: char| c.is_ascii_digit()))
        };
        (place, name.clone())
    });
    let entries = pages.iter().map(|(name, title)| {
        let mark = if name.starts_with(|c: char| c.is_ascii_digit()) { "- " } else { "" };
        format!("{mark}[{title}]({name})\n\n")
    });
    format!("# Summary\n\n{}", entries.collect::<Vec<_>>().concat())
}

/// A page as mdBook can show it: formulas as MathML, the markers of `weave` gone.
fn for_mdbook(text: &str) -> Result<String> {
    let places = places(text);
    let lines: Vec<&str> = text.lines().collect();
    let (mut page, mut prose, mut first) = (String::new(), String::new(), 1);
    let flush = |prose: &mut String, page: &mut String, first: usize| -> Result<()> {
        page.push_str(&formulas_to_mathml(prose, first)?);
        prose.clear();
        Ok(())
    };
    for (i, (line, place)) in lines.iter().zip(&places).enumerate() {
        if *place == Place::Prose {
            if prose.is_empty() {
                first = i + 1;
            }
            prose.push_str(&links_for_mdbook(line));
            prose.push('\n');
            continue;
        }
        flush(&mut prose, &mut page, first)?;
        if *place == Place::Fence
            || !(line.starts_with("<!-- weave ") || line.starts_with("<!-- /weave"))
        {
            page.push_str(&if *place == Place::Fence {
                (*line).to_owned()
            } else {
                links_for_mdbook(line)
            });
            page.push('\n');
        }
    }
    flush(&mut prose, &mut page, first)?;
    Ok(page)
}

/// mdBook turns every link to a `.md` file into one to a page; those that lead out of the book must stay what they are.
/// The README becomes the first page, by another name.
fn links_for_mdbook(line: &str) -> String {
    let line = line.replace("](README.md", "](index.md");
    let mut parts = line.split("](../");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (target, after) = part.split_once(')').unwrap_or((part, ""));
        out.extend(["](../", &target.replacen(".md", "%2Emd", 1)]);
        if part.len() > target.len() {
            out.extend([")", after]);
        }
    }
    out
}

/// Replaces `$…$` and `$$…$$`; inline code, comments and escaped dollars stay. `first` is the line the text begins on.
fn formulas_to_mathml(text: &str, first: usize) -> Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '$', '\\', '<']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let line = first + text[..text.len() - rest.len()].matches('\n').count();
        let length = if rest.starts_with('`') {
            let ticks = rest.len() - rest.trim_start_matches('`').len();
            code_end(rest, ticks).unwrap_or(ticks)
        } else if rest.starts_with("<!--") {
            rest.find("-->").map_or(4, |end| end + 3)
        } else if let Some(after) = rest.strip_prefix("$$") {
            let end =
                after.find("$$").with_context(|| format!("line {line}: $$ is never closed"))?;
            out.push_str(
                &mathml(&after[..end], DisplayMode::Block)
                    .with_context(|| format!("line {line}"))?,
            );
            rest = &after[end + 2..];
            continue;
        } else if let Some(end) = inline_formula_end(rest) {
            out.push_str(
                &mathml(&rest[1..end], DisplayMode::Inline)
                    .with_context(|| format!("line {line}"))?,
            );
            rest = &rest[end + 1..];
            continue;
        } else {
            // A backslash takes the next character with it; a lone dollar or bracket stands for itself.
            let taken = if rest.starts_with('\\') { 2 } else { 1 };
            rest.char_indices().nth(taken).map_or(rest.len(), |(end, _)| end)
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out.push_str(rest);
    Ok(out)
}

/// The end of inline code that opens with so many backticks.
fn code_end(text: &str, ticks: usize) -> Option<usize> {
    let mark = "`".repeat(ticks);
    let mut at = ticks;
    loop {
        let start = at + text[at..].find(&mark)?;
        let run = text[start..].len() - text[start..].trim_start_matches('`').len();
        if run == ticks {
            return Some(start + ticks);
        }
        at = start + run;
    }
}

/// Where the dollar stands that closes an inline formula, by GitHub's rule: no blank inside either dollar, no digit after
/// the second, and all in one paragraph.
fn inline_formula_end(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('$')?;
    if inside.starts_with(char::is_whitespace) {
        return None;
    }
    let paragraph = inside.find("\n\n").unwrap_or(inside.len());
    let end = inside[..paragraph]
        .match_indices('$')
        .map(|(at, _)| at)
        .find(|&at| !inside[..at].ends_with('\\'))?;
    let closes = end > 0
        && !inside[..end].ends_with(char::is_whitespace)
        && !inside[end + 1..].starts_with(|c: char| c.is_ascii_digit());
    closes.then_some(end + 1)
}

/// A formula as MathML on one line that Markdown passes through as it is.
fn mathml(formula: &str, display_mode: DisplayMode) -> Result<String> {
    let storage = Storage::new();
    let mut html = String::new();
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    push_mathml(&mut html, Parser::new(formula, &storage), config)
        .context("cannot write MathML")?;
    if html.contains("<merror") {
        bail!("the formula `{}` cannot be drawn", formula.trim());
    }
    let (mut out, mut in_tag) = (String::new(), false);
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            '\n' => {
                out.push(' ');
                continue;
            }
            // Between tags Markdown still looks for emphasis, links and tables.
            '*' | '_' | '`' | '[' | ']' | '\\' | '~' | '|' | '$' if !in_tag => {
                out.extend(["&#", &u32::from(c).to_string(), ";"]);
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    Ok(out)
}

/// What is wrong with the built pages.
fn check(root: &Path, built: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(built).with_context(|| format!("cannot list {}", built.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "html") {
            let html = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            pages.insert(path, html);
        }
    }
    let ids: BTreeMap<&PathBuf, BTreeSet<String>> =
        pages.iter().map(|(path, html)| (path, values(html, "id").into_iter().collect())).collect();
    for (path, html) in &pages {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let in_this_page = |finding: String| format!("book/{name}: {finding}");
        // mdBook's page of all pages repeats their headings, and its 404 page is for web servers.
        if name == "404.html" {
            continue;
        }
        for attribute in ["href", "src"] {
            for target in values(html, attribute) {
                if let Some(finding) = broken_target(root, path, attribute, &target, &ids) {
                    findings.push(in_this_page(finding));
                }
            }
        }
        let shown = visible_text(html);
        for mark in [
            "$$",
            "\\frac",
            "\\sqrt",
            "\\sum",
            "\\left",
            "\\text",
            "\\mathrm",
            "\\operatorname",
            "<merror",
        ] {
            if shown.contains(mark) {
                findings.push(in_this_page(format!("a raw formula: {mark}")));
            }
        }
        if raw_inline_formula(&shown) {
            findings.push(in_this_page("a raw formula between dollars".to_owned()));
        }
    }
    Ok(findings)
}

fn broken_target(
    root: &Path,
    page: &Path,
    attribute: &str,
    target: &str,
    ids: &BTreeMap<&PathBuf, BTreeSet<String>>,
) -> Option<String> {
    if target.contains("://") || target.starts_with("//") {
        // A link may lead out; what a page needs to be shown may not.
        return (attribute == "src").then(|| format!("{target} comes from another server"));
    }
    if target.starts_with("data:")
        || target.starts_with("mailto:")
        || target.starts_with("javascript:")
    {
        return None;
    }
    let (path, anchor) =
        target.split_once('#').map_or((target, ""), |(path, anchor)| (path, anchor));
    let path = path.split('?').next().unwrap_or(path);
    let goal =
        if path.is_empty() { page.to_path_buf() } else { normal(&page.parent()?.join(path)) };
    if !goal.exists() {
        return Some(format!("{target} leads nowhere"));
    }
    if !goal.starts_with(root) {
        return Some(format!("{target} leads out of the project"));
    }
    let known = ids.get(&goal)?;
    (!anchor.is_empty() && !known.contains(anchor))
        .then(|| format!("{target} names no place in its page"))
}

/// A path without `..`, so that it can be looked up.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// The values of an attribute in tags, scripts left out.
fn values(html: &str, attribute: &str) -> Vec<String> {
    let html = without_elements(html, &["script"]);
    let mut found = Vec::new();
    for tag in html.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or(tag);
        let mark = format!(" {attribute}=\"");
        if let Some((_, after)) = tag.split_once(&mark) {
            let value = after.split('"').next().unwrap_or_default();
            found.push(value.replace("&amp;", "&").replace("%20", " ").replace("%2E", "."));
        }
    }
    found
}

/// The text of a page that stands outside code, scripts and styles.
fn visible_text(html: &str) -> String {
    let html = without_elements(html, &["script", "style", "pre", "code"]);
    let mut text = String::new();
    for part in html.split('<') {
        text.push_str(if part.starts_with("merror") {
            "<merror"
        } else {
            part.split_once('>').map_or(part, |(_, text)| text)
        });
    }
    text
}

fn without_elements(html: &str, names: &[&str]) -> String {
    let mut html = html.to_owned();
    for name in names {
        let (open, close) = (format!("<{name}"), format!("</{name}>"));
        let mut kept = String::new();
        let mut rest = html.as_str();
        while let Some(start) = rest.find(&open) {
            let ends_name = rest[start + open.len()..].starts_with([' ', '>']);
            if !ends_name {
                kept.push_str(&rest[..start + open.len()]);
                rest = &rest[start + open.len()..];
                continue;
            }
            kept.push_str(&rest[..start]);
            // The opening tag stays: its attributes may name a file.
            let tag_end = rest[start..].find('>').map_or(rest.len(), |end| start + end + 1);
            kept.push_str(&rest[start..tag_end]);
            rest = rest[tag_end..].find(&close).map_or("", |end| &rest[tag_end + end..]);
        }
        kept.push_str(rest);
        html = kept;
    }
    html
}

fn raw_inline_formula(text: &str) -> bool {
    text.match_indices('$').any(|(at, _)| {
        inline_formula_end(&text[at..])
            .is_some_and(|end| text[at..at + end].contains(['\\', '_', '^']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_mathml_and_nothing_else_does() {
        let page = for_mdbook(
            "# Title\n\nWith $x_i * y_j$ and\n$$\n\\frac{a}{b}\n$$\nbut not `$x$`, \\$5, 5 $ or <!-- $y$ -->.\n\n\
             ```text\n$z$\n```\n<!-- weave a.out -->\n```text\n$w$\n```\n<!-- /weave -->\n",
        )
        .expect("good formulas");
        assert_eq!(page.matches("<math").count(), 2, "{page}");
        for kept in ["`$x$`", "\\$5, 5 $ or", "<!-- $y$ -->", "$z$", "$w$"] {
            assert!(page.contains(kept), "{kept}: {page}");
        }
        assert!(!page.contains("weave"), "{page}");
        let inline = page.lines().find(|line| line.starts_with("With")).expect("the sentence");
        assert!(
            !inline.contains('_') && !inline.contains('*'),
            "Markdown would see emphasis: {inline}"
        );
        assert!(page.contains("<mfrac>"), "{page}");
    }

    #[test]
    fn a_formula_that_cannot_be_drawn_names_its_line() {
        for (text, line) in
            [("a\n\n$\\frac{$ b\n", 3), ("$$\nx\n", 1), ("```text\n```\na\n$\\nonsense x$\n", 4)]
        {
            let error = format!("{:#}", for_mdbook(text).expect_err(text));
            assert!(error.contains(&format!("line {line}")), "{error}");
        }
    }

    #[test]
    fn links_to_markdown_outside_the_book_stay() {
        assert_eq!(
            links_for_mdbook("[a](../a.md#x), [b](b.md), [c](../c.rs)"),
            "[a](../a%2Emd#x), [b](b.md), [c](../c.rs)"
        );
        assert_eq!(links_for_mdbook("[a](../a.md"), "[a](../a%2Emd");
        assert_eq!(
            links_for_mdbook("[a](README.md#b) [c](../README.md)"),
            "[a](index.md#b) [c](../README%2Emd)"
        );
    }

    #[test]
    fn dollars_that_are_money_stay() {
        let text = "It costs $5 or $6, or $ 7 $.\n";
        assert_eq!(formulas_to_mathml(text, 1).expect("no formula"), text);
    }

    #[test]
    fn the_list_of_chapters_is_in_reading_order() {
        let page = |name: &str| (name.to_owned(), format!("T {name}"));
        let mut pages = [page("numbers.md"), page("2-b.md"), page("README.md"), page("1-a.md")];
        let text = summary(&mut pages);
        let order: Vec<_> = text.lines().filter(|line| line.contains("](")).collect();
        assert_eq!(
            order,
            [
                "[T README.md](README.md)",
                "- [T 1-a.md](1-a.md)",
                "- [T 2-b.md](2-b.md)",
                "[T numbers.md](numbers.md)"
            ]
        );
        assert_eq!(title("text\n# The `mask` [2]\n"), "The mask 2");
    }

    #[test]
    fn what_is_wrong_with_a_built_page_is_found() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        let built = root.join("book");
        fs::create_dir_all(&built).expect("a folder");
        fs::write(root.join("code.rs"), "").expect("a file");
        fs::write(built.join("b.html"), "<h2 id=\"here\">b</h2>").expect("a file");
        let findings = |body: &str| {
            fs::write(built.join("a.html"), body).expect("a file");
            check(root, &built).expect("read")
        };
        for fine in [
            "<a href=\"b.html#here\">b</a> <a href=\"../code.rs\">c</a> <a href=\"https://x.y/\">d</a> <a href=\"#\">e</a>",
            "<pre><code>$x_i$ \\frac</code></pre> $5 and $6 <script>a = '<a href=\"gone\">';</script>",
            "<math><mi>x</mi></math> <img src=\"data:image/png;base64,xx\">",
        ] {
            assert_eq!(findings(fine), Vec::<String>::new(), "{fine}");
        }
        for (wrong, message) in [
            ("<a href=\"c.html\">c</a>", "c.html leads nowhere"),
            ("<a class=\"x\" href=\"b.html#there\">c</a>", "names no place"),
            ("<img src=\"figures/gone.svg\">", "leads nowhere"),
            ("<script src=\"https://cdn/x.js\"></script>", "another server"),
            (
                "<a href=\"../../../../../../../../../../../../etc/passwd\">x</a>",
                "out of the project",
            ),
            ("<p>$$ x $$</p>", "a raw formula: $$"),
            ("<p>so $x_i$ is</p>", "between dollars"),
            ("<p>\\frac{a}{b}</p>", "\\frac"),
        ] {
            let found = findings(wrong);
            assert!(found.iter().any(|finding| finding.contains(message)), "{wrong}: {found:?}");
        }
    }
}
