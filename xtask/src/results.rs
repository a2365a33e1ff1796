//! What a recorded fine-tuning answered right, as a figure: by the parts of its test and by kind of task.

use std::sync::LazyLock;

use anyhow::{Result, ensure};
use regex::{Captures, Regex};

use crate::svg::{self, text};

/// Where the bars begin.
const LEFT: f64 = 210.0;
const PIXELS_PER_PERCENT: f64 = 3.6;
const GRAY: &str = "class=\"gray\"";

/// How many of the answers of one sort are right, in percent.
#[derive(Debug, Clone, PartialEq)]
struct Share {
    name: String,
    percent: f64,
    count: usize,
    /// For a part of the test: the bounds of the true share, and the share by exchanging words.
    beside: Option<[f64; 3]>,
}

/// The figure of a transcript of `finetune`.
///
/// # Errors
/// If the transcript has no shares by part and by kind.
pub fn figure(transcript: &str) -> Result<String> {
    let shares: Vec<Share> = transcript.lines().flat_map(shares).collect();
    let (parts, mut kinds): (Vec<_>, Vec<_>) =
        shares.into_iter().partition(|share| share.beside.is_some());
    ensure!(!parts.is_empty() && !kinds.is_empty(), "no shares by part and by kind");
    kinds.sort_by(|a, b| b.percent.total_cmp(&a.percent));
    let mut rows = String::new();
    let mut y = 62.0;
    for share in &parts {
        rows += &row(share, y, 22.0);
        y += 34.0;
    }
    y += 16.0;
    rows += &text(LEFT, y + 14.0, GRAY, "by kind of task");
    y += 26.0;
    for share in &kinds {
        rows += &row(share, y, 18.0);
        y += 25.0;
    }
    let title = "Exact match by part of the test and by kind of task";
    let description = format!(
        "Horizontal bars of exact match in percent. By part of the test: {}. By kind of task: {}.",
        told(&parts),
        told(&kinds)
    );
    Ok(svg::figure(title, &description, y, &(legend() + &rows)))
}

/// The shares, for those who cannot see the bars.
fn told(shares: &[Share]) -> String {
    let told = shares.iter().map(|Share { name, percent, count, beside }| {
        let beside = beside.map_or(String::new(), |[low, high, copied]| {
            format!(" (true share {low} to {high}, by exchanging words {copied})")
        });
        format!("{name}, {percent} % of {count}{beside}")
    });
    told.collect::<Vec<_>>().join("; ")
}

/// What the colors say.
fn legend() -> String {
    let ours = "right answers of the model; the line is the range of the true share";
    let copied = "right by exchanging words in the nearest task's answer";
    text(12.0, 20.0, "class=\"blue\"", ours) + &text(12.0, 42.0, "class=\"orange\"", copied)
}

/// The shares of a line: one with what is beside it, or several.
fn shares(line: &str) -> Vec<Share> {
    static SHARE: LazyLock<Regex> = LazyLock::new(|| {
        let beside = r"\(([\d.]+) to ([\d.]+)\),\s+([\d.]+) % by";
        Regex::new(&format!(r"(\S.*?)\s+([\d.]+) % of (\d+)(?:\s+{beside})?")).expect("a pattern")
    });
    let read = |captures: Captures| -> Option<Share> {
        let number = |group: usize| captures.get(group)?.as_str().parse::<f64>().ok();
        let (name, count) = (captures[1].to_owned(), captures[3].parse().ok()?);
        let beside = number(4).zip(number(5)).zip(number(6));
        Some(Share {
            name,
            percent: number(2)?,
            count,
            beside: beside.map(|((a, b), c)| [a, b, c]),
        })
    };
    SHARE.captures_iter(line).filter_map(read).collect()
}

/// A name, its bar, and its share in words.
fn row(share: &Share, y: f64, height: f64) -> String {
    let at = |percent: f64| LEFT + PIXELS_PER_PERCENT * percent;
    let middle = y + height / 2.0;
    let name = format!("{} ({})", share.name, share.count);
    let mut row = text(LEFT - 10.0, middle + 5.0, "text-anchor=\"end\" class=\"gray\"", &name);
    row += &rectangle(LEFT, y, at(share.percent) - LEFT, height, "blue");
    let mut end = share.percent;
    if let Some([low, high, copied]) = share.beside {
        row += &rectangle(at(low), middle - 1.0, at(high) - at(low), 2.0, "gray");
        row += &rectangle(at(copied) - 2.5, y - 3.0, 5.0, height + 6.0, "orange");
        end = end.max(high);
    }
    row + &text(at(end) + 8.0, middle + 5.0, GRAY, &format!("{} %", share.percent))
}

fn rectangle(x: f64, y: f64, width: f64, height: f64, class: &str) -> String {
    format!(
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" class=\"{class}\"/>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use fs_err as fs;

    #[test]
    fn a_line_has_one_share_with_what_is_beside_it_or_several() {
        let part = shares("   unseen words   7 % of 164 (1 to 12), 50 % by exchanging words");
        let [Share { name, percent, count, beside }] = &part[..] else { panic!("{part:?}") };
        assert_eq!((name.as_str(), *percent, *count), ("unseen words", 7.0, 164));
        assert_eq!(*beside, Some([1.0, 12.0, 50.0]));
        let kinds = shares("  word by place  0 % of 48   units  100 % of 18");
        assert_eq!((kinds[0].name.as_str(), kinds[1].name.as_str()), ("word by place", "units"));
        assert_eq!((kinds[1].percent, kinds[1].count, kinds[1].beside), (100.0, 18, None));
        assert_eq!(shares("test  exact match 36.8 %, token F1 0.789, over 856 answers"), []);
    }

    #[test]
    fn a_transcript_without_shares_makes_no_figure() {
        figure("fine-tuned  scratch for 4704 steps\n").expect_err("nothing to draw");
    }

    #[test]
    fn the_figure_of_the_recorded_run_is_drawn_from_its_transcript() {
        let root = xtask::project_root();
        let read = |path: &str| fs::read_to_string(root.join(path)).expect(path);
        let drawn = figure(&read("chapters/runs/finetune.out")).expect("a figure");
        let committed = read("chapters/figures/run-finetune.svg");
        assert!(drawn == committed, "`cargo xtask record finetune` draws another figure");
    }
}
