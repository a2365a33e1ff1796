//! `lint`: what rustc and clippy cannot know about this project.
//!
//! - Shapes in comments, such as `[B, T, C]`, use the letters of the legend in `crates/embedding/src/lib.rs` and of the
//!   tables of later crates; so do shapes in the chapters' inline code.
//! - No `unwrap()` in `src/` outside tests.
//! - Every demo has a `.out`, every `.out` says where it comes from.
//! - Numbers in the chapters' sentences come from woven blocks: a decimal, or an integer from 1,000 on, must stand in a
//!   woven block of its chapter (more exactly, perhaps) or in the legend, or its line must carry a link. Free are smaller
//!   integers (they count what the text itself sets up), years, the numbers of sections, equations and versions,
//!   headings, inline code and formulas.
//! - A test that a chapter names exists.
//! - Links to files and to headings lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::named_tests;
use crate::source::Source;
use crate::weave::{self, Place, places};

/// All files in `<folder>/*/<part>` and below, sorted.
pub fn files_below(folder: &Path, part: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for krate in entries(folder)? {
        collect(&krate.join(part), &mut files)?;
    }
    files.sort();
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for path in entries(folder)? {
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Runs every lint and lists what it finds.
pub fn run(root: &Path) -> Result<()> {
    let legend = read_legend(root)?;
    let mut findings = weave::demo_errors(root)?;
    let mut rust_files = 0;
    for (part, is_src) in [("src", true), ("examples", false), ("tests", false), ("benches", false)]
    {
        for file in files_below(&root.join("crates"), part)? {
            if file.extension().is_some_and(|extension| extension == "rs") {
                rust_files += 1;
                lint_rust(root, &file, is_src, &legend, &mut findings)?;
            }
        }
    }
    let mut own = Vec::new();
    collect(&root.join("xtask/src"), &mut own)?;
    for file in own {
        rust_files += 1;
        let text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        findings.extend(unwraps(&text).into_iter().map(|finding| at(root, &file, &finding)));
    }
    let mut pages = weave::files(root)?;
    for file in &pages {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut found = shapes_in_prose(&text, &legend);
        if weave::folder_of(root, file) == "chapters" {
            found.extend(unproven_numbers(&text, &legend));
            found.extend(named_tests::missing(root, &text));
        }
        findings.extend(found.iter().map(|finding| at(root, file, finding)));
    }
    pages.extend(
        ["data/README.md", "BENCHMARKS.md"]
            .map(|path| root.join(path))
            .into_iter()
            .filter(|path| path.is_file()),
    );
    for file in &pages {
        findings.extend(broken_links(file)?.iter().map(|finding| at(root, file, finding)));
    }
    if findings.is_empty() {
        println!("{rust_files} sources and {} pages keep the rules", pages.len());
        return Ok(());
    }
    for finding in &findings {
        println!("{finding}");
    }
    bail!("{} findings", findings.len())
}

fn at(root: &Path, file: &Path, finding: &str) -> String {
    format!("{}: {finding}", file.strip_prefix(root).unwrap_or(file).display())
}

fn lint_rust(
    root: &Path,
    file: &Path,
    is_src: bool,
    legend: &Legend,
    findings: &mut Vec<String>,
) -> Result<()> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut found = Vec::new();
    for (i, comment) in Source::new(&text).comments().iter().enumerate() {
        found.extend(
            strange_letters(comment, legend)
                .into_iter()
                .map(|finding| format!("line {}: {finding}", i + 1)),
        );
    }
    if is_src {
        found.extend(unwraps(&text));
    }
    findings.extend(found.iter().map(|finding| at(root, file, finding)));
    Ok(())
}

/// The letters of shapes, and the numbers that stand beside them.
#[derive(Debug, Default)]
pub struct Legend {
    letters: BTreeSet<String>,
    numbers: BTreeSet<String>,
}

/// Reads the legend: the table cells `` `B` `` in the opening documentation of the crates.
fn read_legend(root: &Path) -> Result<Legend> {
    let mut legend = Legend::default();
    for (number, chapter) in crate::contents::CHAPTERS.iter().enumerate() {
        let path = root.join(format!("crates/{}/src/lib.rs", chapter.name));
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        extend_legend(&mut legend, &text);
        ensure!(
            number > 0 || !legend.letters.is_empty(),
            "{} has no legend of shapes",
            path.display()
        );
    }
    Ok(legend)
}

fn extend_legend(legend: &mut Legend, text: &str) {
    for row in text.lines().filter_map(|line| line.strip_prefix("//! |")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let letters: Vec<_> = cells
            .iter()
            .filter_map(|cell| cell.strip_prefix('`')?.strip_suffix('`'))
            .filter(|cell| cell.len() == 1 && cell.starts_with(|c: char| c.is_ascii_uppercase()))
            .collect();
        if !letters.is_empty() {
            legend.letters.extend(letters.iter().map(|&letter| letter.to_owned()));
            legend
                .numbers
                .extend(cells.iter().flat_map(|cell| numbers(cell)).map(|(_, number)| number));
        }
    }
}

/// The letters of shapes in a text that the legend does not have.
///
/// A shape is a bracket of capitals, digits and arithmetic that holds at least one capital: `[B, T, 4 * C]`.
fn strange_letters(text: &str, legend: &Legend) -> Vec<String> {
    let mut findings = Vec::new();
    for after in text.split('[').skip(1) {
        let Some((inside, _)) = after.split_once(']') else { continue };
        let is_shape = inside.chars().any(|c| c.is_ascii_uppercase())
            && inside
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || " ,*/+-()".contains(c));
        if !is_shape {
            continue;
        }
        for word in inside.split(|c: char| !c.is_ascii_alphanumeric()) {
            let is_number = word.chars().all(|c| c.is_ascii_digit());
            if !is_number && !legend.letters.contains(word) {
                findings.push(format!("the legend has no letter {word}, used in [{inside}]"));
            }
        }
    }
    findings
}

fn unwraps(text: &str) -> Vec<String> {
    let source = Source::new(text);
    let code = source.code_without_tests();
    let lines = code.iter().enumerate().filter(|(_, code)| code.contains(".unwrap()"));
    lines
        .map(|(i, _)| {
            format!("line {}: unwrap() in src; use `?`, or expect with the reason", i + 1)
        })
        .collect()
}

/// Shapes in the inline code of a chapter that use other letters.
fn shapes_in_prose(text: &str, legend: &Legend) -> Vec<String> {
    let mut findings = Vec::new();
    for (i, (line, place)) in text.lines().zip(places(text)).enumerate() {
        if place == Place::Prose {
            let strange =
                line.split('`').skip(1).step_by(2).flat_map(|code| strange_letters(code, legend));
            findings.extend(strange.map(|finding| format!("line {}: {finding}", i + 1)));
        }
    }
    findings
}

/// Numbers in a chapter's sentences that no woven block shows.
fn unproven_numbers(text: &str, legend: &Legend) -> Vec<String> {
    let places = places(text);
    let woven = text.lines().zip(&places).filter(|(_, place)| **place == Place::Woven);
    let mut known: BTreeSet<String> =
        woven.flat_map(|(line, _)| numbers(line)).map(|(_, number)| number).collect();
    known.extend(legend.numbers.iter().cloned());
    let known_values: Vec<f64> = known.iter().filter_map(|number| number.parse().ok()).collect();
    let mut findings = Vec::new();
    for (i, line) in prose_lines(text, &places) {
        if line.contains("](") || line.contains("<http") || line.starts_with('#') {
            continue;
        }
        for (start, number) in numbers(&line) {
            if is_free(&line[..start], &number) || known.contains(&number) {
                continue;
            }
            let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            let rounds_to = |value: &f64| format!("{:.decimals$}", value.abs()) == number;
            if !known_values.iter().any(rounds_to) {
                findings
                    .push(format!("line {i}: {number} stands in no woven block of this page and its line has no link"));
            }
        }
    }
    findings
}

/// Numbers that need no proof, by themselves or by the word before them.
fn is_free(before: &str, number: &str) -> bool {
    if !number.contains('.') {
        let value: f64 = number.parse().unwrap_or(f64::INFINITY);
        return value < 1000.0 || (1900.0..2100.0).contains(&value);
    }
    let word: String =
        before.trim_end().rsplit([' ', '(', ',']).next().unwrap_or_default().to_lowercase();
    let named = [
        "section",
        "sections",
        "chapter",
        "chapters",
        "equation",
        "equations",
        "figure",
        "table",
        "version",
    ];
    let programs =
        ["pytorch", "libtorch", "rust", "python", "tch", "mdbook", "transformers", "torch"];
    named.contains(&word.as_str()) || programs.contains(&word.as_str()) || word == "§"
}

/// The lines of prose, numbered from 1, with comments, inline code and formulas blanked.
fn prose_lines(text: &str, places: &[Place]) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    // Both may span lines: a displayed formula and a comment.
    let (mut in_formula, mut in_comment) = (false, false);
    for (i, (line, place)) in text.lines().zip(places).enumerate() {
        if *place != Place::Prose {
            continue;
        }
        let mut line = line.to_owned();
        blank(&mut line, "<!--", "-->", &mut in_comment);
        // A comment that quotes dollars, or code that does, opens no formula.
        blank(&mut line, "`", "`", &mut false);
        blank(&mut line, "$$", "$$", &mut in_formula);
        blank(&mut line, "$", "$", &mut false);
        lines.push((i + 1, line));
    }
    lines
}

/// Puts blanks over what stands between two marks, the marks included.
fn blank(line: &mut String, open: &str, close: &str, inside: &mut bool) {
    let (mut kept, mut rest) = (String::new(), line.as_str());
    loop {
        if *inside {
            let Some((_, after)) = rest.split_once(close) else { break };
            kept.push(' ');
            rest = after;
            *inside = false;
        }
        let Some((before, after)) = rest.split_once(open) else {
            kept.push_str(rest);
            break;
        };
        kept.push_str(before);
        rest = after;
        *inside = true;
    }
    *line = kept;
}

/// The numbers of a line without sign and thousands separators, each with where it starts; no parts of words, no
/// versions such as 2.13.0.
fn numbers(line: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut previous = ' ';
    let mut i = 0;
    while let Some(c) = line[i..].chars().next() {
        if c.is_ascii_digit() && !is_word(previous) && previous != '.' {
            let length = line[i..]
                .find(|c: char| !(c.is_ascii_digit() || ".,".contains(c)))
                .unwrap_or(line.len() - i);
            let raw = line[i..i + length].trim_end_matches(['.', ',']);
            // An exponent belongs to its number, any other letter makes it part of a word (124M, 2x).
            let tail = &line[i + raw.len()..];
            let exponent = exponent_length(tail);
            let next = tail[exponent..].chars().next().unwrap_or(' ');
            if !is_word(next) && raw.matches('.').count() <= 1 {
                found.extend(split_list(raw, i, &tail[..exponent]));
            }
            i += raw.len() + exponent;
            previous = line[..i].chars().next_back().unwrap_or(' ');
        } else {
            previous = c;
            i += c.len_utf8();
        }
    }
    found
}

fn exponent_length(tail: &str) -> usize {
    let Some(digits) = tail.strip_prefix(['e', 'E']) else { return 0 };
    let sign = usize::from(digits.starts_with(['+', '-']));
    let count = digits[sign..].bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 { 0 } else { 1 + sign + count }
}

/// `1,024` is one number, `1,2` are two.
fn split_list(raw: &str, start: usize, exponent: &str) -> Vec<(usize, String)> {
    let whole = raw.split('.').next().unwrap_or(raw);
    let mut groups = whole.split(',');
    let first_fits = groups.next().is_some_and(|group| (1..=3).contains(&group.len()));
    if first_fits && groups.all(|group| group.len() == 3) {
        return vec![(start, format!("{}{exponent}", raw.replace(',', "")))];
    }
    let mut at = start;
    let mut found = Vec::new();
    for part in raw.split(',') {
        if !part.is_empty() {
            found.push((at, part.to_owned()));
        }
        at += part.len() + 1;
    }
    found
}

/// Links of a page that lead nowhere.
fn broken_links(file: &Path) -> Result<Vec<String>> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut headings = BTreeMap::new();
    headings.insert(file.to_path_buf(), anchors(&text));
    let mut findings = Vec::new();
    for (i, (line, place)) in text.lines().zip(places(&text)).enumerate() {
        if place == Place::Fence {
            continue;
        }
        for target in links(line) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target
                .split_once('#')
                .map_or((target, None), |(path, anchor)| (path, Some(anchor)));
            let goal = if path.is_empty() { file.to_path_buf() } else { folder.join(path) };
            if !goal.exists() {
                findings.push(format!("line {}: the link {target} leads to no file", i + 1));
                continue;
            }
            let Some(anchor) = anchor else { continue };
            if goal.extension().is_some_and(|extension| extension == "md") {
                if !headings.contains_key(&goal) {
                    let text = fs::read_to_string(&goal)
                        .with_context(|| format!("cannot read {}", goal.display()))?;
                    headings.insert(goal.clone(), anchors(&text));
                }
                if !headings[&goal].contains(anchor) {
                    findings.push(format!("line {}: the link {target} names no heading", i + 1));
                }
            }
        }
    }
    Ok(findings)
}

/// The targets of `[…](target)` in a line, inline code left out.
fn links(line: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    // The text of a link may itself be inline code, so backticks are counted up to the bracket only.
    for (at, _) in line.match_indices("](") {
        if line[..at].matches('`').count() % 2 == 1 {
            continue;
        }
        if let Some((target, _)) = line[at + 2..].split_once(')') {
            targets.push(target.split(' ').next().unwrap_or(target).trim_matches(['<', '>']));
        }
    }
    targets
}

/// The anchors that GitHub gives to the headings of a page, and those written as `<a id="…">`.
pub fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (line, place) in text.lines().zip(places(text)) {
        if place != Place::Prose {
            continue;
        }
        for part in line.split("id=\"").skip(1) {
            anchors.extend(part.split('"').next().map(str::to_owned));
        }
        let level = line.chars().take_while(|c| *c == '#').count();
        if !(1..=6).contains(&level) || !line[level..].starts_with(' ') {
            continue;
        }
        let heading: String = line[level..].trim().to_lowercase();
        let slug: String = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let count = counts.entry(slug.clone()).or_default();
        anchors.insert(if *count == 0 { slug.clone() } else { format!("{slug}-{count}") });
        *count += 1;
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn legend() -> Legend {
        let mut legend = Legend::default();
        extend_legend(
            &mut legend,
            "//! | letter | meaning | small | | letter | meaning | small |\n//! | --- | --- |\n\
             //! | `B` | batch | – | | `D` | head, `C = H * D` | 64 |\n//! | `T` | positions | ≤ 1024 | | `V` | words | 50257 |\n\
             //! | `C` | channels | 768 |\n//! | [`mask`] | `Mask` | 2.1 |\nfn x() {}\n",
        );
        legend
    }

    #[test]
    fn the_legend_is_read_from_the_table() {
        let legend = legend();
        assert_eq!(legend.letters.iter().map(String::as_str).collect::<String>(), "BCDTV");
        assert!(legend.numbers.contains("50257") && legend.numbers.contains("1024"), "{legend:?}");
    }

    #[test]
    fn shapes_with_letters_of_the_legend_pass_and_others_do_not() {
        for fine in [
            "// [B, T, C]",
            "// [B * T, 4 * C]",
            "// [2, 5]",
            "// [`mask`] [Self] [0, 1) x[i]",
            "// weight [C, C]",
            "// [V]",
        ] {
            assert!(strange_letters(fine, &legend()).is_empty(), "{fine}");
        }
        for (wrong, letter) in [
            ("// [B, S, C]", "S"),
            ("/// - `q`: `[N]`", "N"),
            ("// [BT, C]", "BT"),
            ("// [B, T, 2 * E]", "E"),
        ] {
            let findings = strange_letters(wrong, &legend());
            assert!(
                findings.len() == 1 && findings[0].contains(&format!("no letter {letter},")),
                "{wrong}: {findings:?}"
            );
        }
        let page = "Queries are `[B, S, C]`.\n\n```text\n[N, M]\n```\n[B, S] outside of code\n";
        assert_eq!(
            shapes_in_prose(page, &legend()),
            ["line 1: the legend has no letter S, used in [B, S, C]"]
        );
    }

    #[test]
    fn unwrap_is_found_in_code_only() {
        let text = "fn f() {\n    a.unwrap(); // why\n    // b.unwrap()\n    let s = \".unwrap()\";\n    c.unwrap_or(0);\n}\n\
                    #[cfg(test)]\nmod tests {\n    fn t() {\n        d.unwrap();\n    }\n}\n";
        let findings = unwraps(text);
        assert!(findings.len() == 1 && findings[0].starts_with("line 2:"), "{findings:?}");
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let read = |line: &str| {
            numbers(line).into_iter().map(|(_, number)| number).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(read("It has 163,009,536 weights, 0.5 of 1,024."), "163009536 0.5 1024");
        assert_eq!(read("-3.5 and (2.25) and [1,2]"), "3.5 2.25 1 2");
        assert_eq!(read("1.5e-05 4e-4"), "1.5e-05 4e-4");
        assert_eq!(read("GPT-2 124M, torch 2.13.0, x2, v1_5"), "2");
        assert_eq!(read("in 2017, 3 of 4."), "2017 3 4");
    }

    #[test]
    fn a_number_in_a_sentence_needs_a_block_or_a_link() {
        let page = |sentence: &str| {
            format!(
                "# 1.5 Title\n\n{sentence}\n\n<!-- weave a.out -->\n```text\nloss 3.14159 -0.25 12345\n```\n<!-- /weave -->\n"
            )
        };
        for fine in [
            "The loss is 3.14159.",
            "About 3.14, a quarter (0.25) less; 12,345 tokens of 50,257.",
            "Three rows of 12, as in section 3.2 and Vaswani et al. 2017, equation 1, on PyTorch 2.13.",
            "The code says `0.7` and the formula $x = 0.7$.",
            "A log shows 9.99 ([run](x.md)).",
            "$$\n0.123\n$$",
            "<!-- a remark: 0.77\nand 0.88 -->",
        ] {
            assert_eq!(unproven_numbers(&page(fine), &legend()), Vec::<String>::new(), "{fine}");
        }
        for (wrong, number) in [
            ("The loss is 3.1417.", "3.1417"),
            ("It took 0.7 seconds.", "0.7"),
            ("There are 12,346 tokens.", "12346"),
            ("| a | 0.9 |", "0.9"),
            ("`0.25` is not 0.26.", "0.26"),
        ] {
            let findings = unproven_numbers(&page(wrong), &legend());
            assert!(
                findings.len() == 1 && findings[0].starts_with(&format!("line 3: {number} ")),
                "{wrong}: {findings:?}"
            );
        }
    }

    #[test]
    fn links_must_lead_somewhere() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write =
            |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
        write(
            "other.md",
            "# The mask, drawn\n\n## The mask, drawn\n\n```text\n# no heading\n```\n",
        );
        write(
            "page.md",
            "# Here\n[a](other.md) [b](other.md#the-mask-drawn) [c](other.md#the-mask-drawn-1) [d](#here) [e](https://x.y/z#q)\n\
             [`f`](gone.rs) ![g](gone.svg)\n[h](other.md#no-heading) [i](#there)\n`[j](gone)`\n",
        );
        let findings = broken_links(&folder.path().join("page.md")).expect("read");
        let lines: Vec<_> = findings
            .iter()
            .map(|finding| finding.split(" leads").next().unwrap_or_default())
            .collect();
        assert_eq!(
            lines,
            [
                "line 3: the link gone.rs",
                "line 3: the link gone.svg",
                "line 4: the link other.md#no-heading names no heading",
                "line 4: the link #there names no heading",
            ]
        );
    }

    #[test]
    fn a_small_project_is_linted_as_a_whole() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &str, text: &str| {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
            fs::write(file, text).expect("a file");
        };
        for chapter in &crate::contents::CHAPTERS {
            write(&format!("crates/{}/src/lib.rs", chapter.name), "//! | `B` | batch |\n");
        }
        write("chapters/1-x.md", "# One\n\nNothing to prove.\n");
        run(folder.path()).expect("nothing to find");
        write("crates/model/tests/reference.rs", "// [B, Q]\n");
        run(folder.path()).expect_err("a strange letter in a test");
        write("crates/model/tests/reference.rs", "// [B]\n");
        write("crates/model/examples/d.rs", "fn main() {}\n");
        run(folder.path()).expect_err("a demo without output");
    }
}
