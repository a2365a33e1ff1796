//! What a recorded fine-tuning answered right, as a figure: by the parts of its test and by kind of task.

use anyhow::{Result, ensure};

use crate::svg::{self, text};

/// Where the bars begin.
const LEFT: f64 = 210.0;
const PIXELS_PER_PERCENT: f64 = 3.6;
const STYLE: &str = ".name{fill:#5a5a5a}@media (prefers-color-scheme:dark){.name{fill:#c8c8c8}}";
const GRAY: &str = "fill=\"#7d7d7d\"";
const DESCRIPTION: &str = "Horizontal bars of exact match in percent. Above, the four parts of the test, each with the range in which the \
     true share lies and a mark for the answers that exchanging words gives. Below, the kinds of task, the best first.";

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
    Ok(svg::figure(title, DESCRIPTION, STYLE, y, &(legend() + &rows)))
}

/// What the colors say.
fn legend() -> String {
    let ours = "right answers of the model; the line is the range of the true share";
    let copied = "right by exchanging words in the nearest task's answer";
    text(12.0, 20.0, "fill=\"#2b83ba\"", ours) + &text(12.0, 42.0, "fill=\"#e07b1a\"", copied)
}

/// The shares of a line: one with what is beside it, or several.
fn shares(line: &str) -> Vec<Share> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |word: &str| word.trim_matches(['(', ')', ',']).parse::<f64>().ok();
    let (mut found, mut name) = (Vec::new(), Vec::new());
    let mut rest = &words[..];
    while let [word, after @ ..] = rest {
        let (Some(percent), ["%", "of", count, beyond @ ..]) = (number(word), after) else {
            name.push(*word);
            rest = after;
            continue;
        };
        let beside = match beyond {
            [low, "to", high, copied, "%", ..] => {
                number(low).zip(number(high)).zip(number(copied)).map(|((a, b), c)| [a, b, c])
            }
            _ => None,
        };
        let count = count.parse().unwrap_or(0);
        found.push(Share { name: name.join(" "), percent, count, beside });
        if beside.is_some() {
            break;
        }
        name.clear();
        rest = beyond;
    }
    found
}

/// A name, its bar, and its share in words.
fn row(share: &Share, y: f64, height: f64) -> String {
    let at = |percent: f64| LEFT + PIXELS_PER_PERCENT * percent;
    let middle = y + height / 2.0;
    let name = format!("{} ({})", share.name, share.count);
    let mut row = text(LEFT - 10.0, middle + 5.0, "text-anchor=\"end\" class=\"name\"", &name);
    row += &rectangle(LEFT, y, at(share.percent) - LEFT, height, "#2b83ba");
    let mut end = share.percent;
    if let Some([low, high, copied]) = share.beside {
        row += &rectangle(at(low), middle - 1.0, at(high) - at(low), 2.0, "#7d7d7d");
        row += &rectangle(at(copied) - 2.5, y - 3.0, 5.0, height + 6.0, "#e07b1a");
        end = end.max(high);
    }
    row + &text(at(end) + 8.0, middle + 5.0, GRAY, &format!("{} %", share.percent))
}

fn rectangle(x: f64, y: f64, width: f64, height: f64, fill: &str) -> String {
    format!(
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"/>\n"
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
