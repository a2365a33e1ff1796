//! The legend of shapes: the letters that all crates use, and the numbers beside them.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, ensure};
use fs_err as fs;

use super::digits::numbers;

/// The letters of shapes, and the numbers beside them.
#[derive(Debug, Default)]
pub struct Legend {
    pub letters: BTreeSet<String>,
    pub numbers: BTreeSet<String>,
}

/// Reads the table cells `` `B` `` in the opening documentation of the crates.
pub fn read(root: &Path) -> Result<Legend> {
    let mut legend = Legend::default();
    for chapter in crate::contents::CHAPTERS {
        let path = root.join(format!("crates/{}/src/lib.rs", chapter.name));
        extend(&mut legend, &fs::read_to_string(&path)?);
        ensure!(!legend.letters.is_empty(), "{} has no legend of shapes", path.display());
    }
    Ok(legend)
}

fn extend(legend: &mut Legend, text: &str) {
    for row in text.lines().filter_map(|line| line.strip_prefix("//! |")) {
        let cells = || row.split('|').map(str::trim);
        let codes = cells().filter_map(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
        let is_letter =
            |code: &&str| matches!(code.as_bytes(), [byte] if byte.is_ascii_uppercase());
        let letters: Vec<_> = codes.filter(is_letter).map(str::to_owned).collect();
        if !letters.is_empty() {
            legend.letters.extend(letters);
            legend.numbers.extend(cells().flat_map(numbers).map(|(_, number)| number));
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A legend of five letters.
    pub fn legend() -> Legend {
        let mut legend = Legend::default();
        extend(
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
}
