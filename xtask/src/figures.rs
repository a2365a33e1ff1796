//! The figures of the chapters: whether what is committed is what the demos draw.
//!
//! Demos write their figures anew each time they run, so they are read before and compared afterwards. Numbers may move by
//! two pixels, since another processor may round the last digit of a value otherwise.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Result, ensure};
use fs_err as fs;
use regex::Regex;

use crate::files::matching;

const PIXELS: f64 = 2.0;

/// Name and text of every figure.
pub type Figures = BTreeMap<String, String>;

/// Reads the figures as they are now.
pub fn read(root: &Path) -> Result<Figures> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let figures = matching(root, "chapters/figures/*.svg")?;
    figures.iter().map(|path| Ok((name(path), fs::read_to_string(path)?))).collect()
}

/// Fails where a figure has changed or appeared since it was read.
pub fn compare(root: &Path, before: &Figures) -> Result<()> {
    let drawn = read(root)?;
    let is_other = |(name, text): &(&String, &String)| {
        before.get(*name).is_none_or(|old| !looks_alike(old, text))
    };
    let others: Vec<_> = drawn.iter().filter(is_other).map(|(name, _)| name.as_str()).collect();
    let look = "look at what they have written into chapters/figures, and commit it";
    let others = others.join(", ");
    ensure!(others.is_empty(), "the demos draw something else: {others}; {look}");
    println!("{} figures are what the demos draw", drawn.len());
    Ok(())
}

/// Whether two drawings have the same marks and words, and numbers that are close.
fn looks_alike(a: &str, b: &str) -> bool {
    static NUMBER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"-?[0-9]+(\.[0-9]+)?").expect("a pattern"));
    let numbers = |svg| NUMBER.find_iter(svg).filter_map(|number| number.as_str().parse().ok());
    let are_close = |(a, b): (f64, f64)| (a - b).abs() <= PIXELS;
    NUMBER.replace_all(a, "0") == NUMBER.replace_all(b, "0")
        && numbers(a).zip(numbers(b)).all(are_close)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_is_no_difference_and_a_word_is() {
        let old = "<text x=\"10\" fill=\"#FF0000\">loss 3.5</text><path d=\"M1,2 L-3,4.5\"/>";
        assert!(looks_alike(old, old));
        assert!(looks_alike(old, &old.replace("4.5", "5.5").replace("\"10\"", "\"12\"")));
        for (from, to) in [
            ("\"10\"", "\"13\""),
            ("loss", "gain"),
            ("L-3", "L3"),
            ("<path", "<path/><path"),
            ("FF0000", "00FF00"),
        ] {
            assert!(!looks_alike(old, &old.replace(from, to)), "{from} -> {to}");
        }
    }

    #[test]
    fn a_figure_that_changes_or_appears_fails() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let figures = folder.path().join("chapters/figures");
        fs::create_dir_all(&figures).expect("folders");
        fs::write(figures.join("a.svg"), "<text>a</text>").expect("a file");
        let before = read(folder.path()).expect("read");
        compare(folder.path(), &before).expect("nothing was drawn");
        fs::write(figures.join("a.svg"), "<text>b</text>").expect("a file");
        fs::write(figures.join("c.svg"), "<text>c</text>").expect("a file");
        let error = compare(folder.path(), &before).expect_err("both differ").to_string();
        assert!(error.contains("a.svg, c.svg"), "{error}");
    }
}
