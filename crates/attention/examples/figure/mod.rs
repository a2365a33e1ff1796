//! What the figures of the chapters are drawn with: SVG whose colors follow the page's, light or dark.

#![allow(dead_code)] // each demo uses a part of it

use anyhow::{Context, Result};
use embedding::support::texts::project_root;
use std::{fmt::Write as _, fs};
use tch::{Kind, Tensor};

/// The first of two colors that the color-blind can tell apart, too; each is the name of a class of [`STYLE`].
pub const BLUE: &str = "blue";
/// The second of them.
pub const ORANGE: &str = "orange";
/// A third, for what is named by words as well.
pub const GREEN: &str = "green";
/// Lines and letters.
pub const GRAY: &str = "gray";
/// The ground of a field that is not looked at.
pub const PALE: &str = "pale";

/// The colors on a light and on a dark page; `.on` are letters on a field, `.ink` those on a pale one.
const STYLE: &str = "<style>.gray{color:#5f6773}.blue{color:#2b6a9b}.orange{color:#b45309}.green{color:#2f7a3b}\
    .pale{color:#e4e7eb}.ink{color:#1d1f22}.on{color:#fff}rect,text{fill:currentColor}\
    line,polyline{fill:none;stroke:currentColor}@media(prefers-color-scheme:dark){.gray{color:#a9b1bd}.blue{color:#6db3dd}\
    .orange{color:#f0a050}.green{color:#7cc488}.pale{color:#39404c}.ink{color:#f2f4f7}.on{color:#10151c}}</style>";

/// From one field of a table of numbers to the next: to the right and down.
pub const STEP: (f64, f64) = (48.0, 30.0);

/// A picture in the making; coordinates run from the upper left corner to the right and down.
pub struct Svg {
    text: String,
}

impl Svg {
    /// An empty picture without a background: its title, and in sentences what it shows to those who cannot see it.
    pub fn new((width, height): (f64, f64), title: &str, description: &str) -> Self {
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"system-ui, sans-serif\" font-size=\"15\" role=\"img\">\n\
             <title>{title}</title>\n<desc>{description}</desc>\n{STYLE}\n"
        );
        Self { text }
    }

    fn push(&mut self, element: &str) {
        self.text.push_str(element);
        self.text.push('\n');
    }

    /// A straight gray line.
    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), opacity: f64) {
        self.push(&format!(
            "<line class=\"gray\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke-opacity=\"{opacity}\"/>"
        ));
    }

    /// A line through many points.
    pub fn curve(&mut self, points: &[(f64, f64)], color: &str) {
        let points = points.iter().fold(String::new(), |mut points, (x, y)| {
            let _ = write!(points, " {x:.1},{y:.1}"); // writing to a string cannot fail
            points
        });
        self.push(&format!(
            "<polyline class=\"{color}\" stroke-width=\"2.5\" points=\"{}\"/>",
            points.trim_start()
        ));
    }

    /// Gray letters; `anchor` is `start`, `middle` or `end`.
    pub fn text(&mut self, at: (f64, f64), anchor: &str, words: &str) {
        self.colored_text(at, anchor, words, GRAY);
    }

    /// Letters in a color of their own.
    pub fn colored_text(&mut self, (x, y): (f64, f64), anchor: &str, words: &str, color: &str) {
        self.push(&format!(
            "<text class=\"{color}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
        ));
    }

    /// A field of a color.
    pub fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), color: &str) {
        self.push(&format!(
            "<rect class=\"{color}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"3\"/>"
        ));
    }

    /// A field with a word in it.
    pub fn field(&mut self, (x, y): (f64, f64), size: (f64, f64), color: &str, word: &str) {
        self.bar((x, y), size, color);
        let ink = if color == PALE { "ink" } else { "on" };
        self.colored_text((x + size.0 / 2.0, y + size.1 / 2.0 + 5.0), "middle", word, ink);
    }

    /// A field with a weight from 0 to 1 in it, the stronger the larger.
    pub fn weight(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), weight: f64) {
        let opacity = 0.05 + 0.55 * weight; // its letters can be read on the palest and on the strongest
        self.push(&format!(
            "<rect class=\"blue\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"3\" \
             fill-opacity=\"{opacity:.2}\"/>"
        ));
        let at = (x + width / 2.0, y + height / 2.0 + 5.0);
        self.colored_text(at, "middle", &format!("{weight:.2}"), "ink");
    }

    /// A table of numbers with two decimals, a field for each, its upper left one at `at`.
    pub fn numbers(&mut self, (left, top): (f64, f64), numbers: &Tensor, color: &str) {
        for row in 0..numbers.size()[0] {
            for column in 0..numbers.size()[1] {
                let at = (left + STEP.0 * column as f64, top + STEP.1 * row as f64);
                let number = format!("{:.2}", numbers.double_value(&[row, column]));
                self.field(at, (STEP.0 - 2.0, STEP.1 - 2.0), color, &number);
            }
        }
    }

    /// A table of weights from 0 to 1, the stronger the larger, with labels for its rows and columns. Its upper left field
    /// stands at `at`; a field that `hidden` marks is gray.
    pub fn heat_map(
        &mut self,
        (left, top): (f64, f64),
        weights: &Tensor,
        hidden: Option<&Tensor>,
        labels: &[&str],
    ) {
        const FIELD: (f64, f64) = (52.0, 32.0);
        const GAP: f64 = 2.0;
        let place = |row: usize, column: usize| {
            (left + column as f64 * (FIELD.0 + GAP), top + row as f64 * (FIELD.1 + GAP))
        };
        for (index, label) in labels.iter().enumerate() {
            let (x, y) = place(index, index);
            self.text((left - 8.0, y + FIELD.1 / 2.0 + 5.0), "end", label);
            self.text((x + FIELD.0 / 2.0, top - 8.0), "middle", label);
            for column in 0..labels.len() {
                let at = [index as i64, column as i64];
                if hidden.is_some_and(|hidden| hidden.int64_value(&at) == 1) {
                    self.field(place(index, column), FIELD, PALE, "hidden");
                } else {
                    self.weight(place(index, column), FIELD, weights.double_value(&at));
                }
            }
        }
    }

    /// Closes the picture and writes it.
    pub fn write(mut self, name: &str) -> Result<()> {
        self.push("</svg>");
        write(name, &self.text)
    }
}

/// Writes a picture to `chapters/figures/<name>.svg`, where `cargo xtask` has asked for it: a demo that a reader runs or
/// changes leaves the figures of the chapters alone.
pub fn write(name: &str, svg: &str) -> Result<()> {
    if std::env::var_os("GPT2_FIGURES").is_none() {
        return Ok(());
    }
    let file = format!("chapters/figures/{name}.svg");
    fs::write(project_root().join(&file), svg).with_context(|| format!("cannot write {file}"))?;
    eprintln!("drew {file}");
    Ok(())
}

/// A row of numbers in words, with two decimals.
pub fn in_words(numbers: &Tensor) -> String {
    let numbers = Vec::<f64>::try_from(numbers.flatten(0, -1).to_kind(Kind::Double));
    let numbers = numbers.expect("a rank-1 tensor of 64-bit floats");
    numbers.iter().map(|number| format!("{number:.2}")).collect::<Vec<_>>().join(", ")
}
