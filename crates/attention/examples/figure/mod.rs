//! What the figures of this chapter are drawn with: SVG whose colors can be read on a white and on a dark page.

#![allow(dead_code)] // each demo uses a part of it

use anyhow::{Context, Result};
use embedding::support::texts::project_root;
use std::{fmt::Write as _, fs};
use tch::Tensor;

/// The first of two colors that the color-blind can tell apart, too.
pub const BLUE: &str = "#2b83ba";
/// The second of them.
pub const ORANGE: &str = "#e07b1a";
/// Lines and letters: as far from white as from black.
const GRAY: &str = "#7d7d7d";

/// From one field of a table of numbers to the next: to the right and down.
pub const STEP: (f64, f64) = (48.0, 30.0);

/// A picture in the making; coordinates run from the upper left corner to the right and down.
pub struct Svg {
    text: String,
}

impl Svg {
    /// An empty picture without a background, and what a screen reader says of it.
    pub fn new(width: f64, height: f64, title: &str) -> Self {
        let mut svg = Self { text: String::new() };
        svg.push(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"system-ui, sans-serif\" font-size=\"15\" role=\"img\">"
        ));
        svg.push(&format!("<title>{title}</title>"));
        svg
    }

    /// What can be seen, in sentences, for those who cannot see it.
    pub fn describe(&mut self, words: &str) {
        self.push(&format!("<desc>{words}</desc>"));
    }

    fn push(&mut self, element: &str) {
        self.text.push_str(element);
        self.text.push('\n');
    }

    /// A straight gray line.
    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), opacity: f64) {
        self.push(&format!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{GRAY}\" \
             stroke-opacity=\"{opacity}\"/>"
        ));
    }

    /// A line through many points.
    pub fn curve(&mut self, points: &[(f64, f64)], color: &str) {
        let points = points.iter().fold(String::new(), |mut points, (x, y)| {
            let _ = write!(points, " {x:.1},{y:.1}"); // writing to a string cannot fail
            points
        });
        self.push(&format!(
            "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"2.5\" points=\"{}\"/>",
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
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{color}\">{words}</text>"
        ));
    }

    /// A field with a word in it. Fields are opaque, so that their letters look alike on every page.
    pub fn field(
        &mut self,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
        fill: &str,
        ink: &str,
        word: &str,
    ) {
        self.push(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"3\" fill=\"{fill}\"/>"
        ));
        self.colored_text((x + width / 2.0, y + height / 2.0 + 4.5), "middle", word, ink);
    }

    /// A table of numbers with two decimals, a field for each, its upper left one at `at`.
    pub fn numbers(&mut self, (left, top): (f64, f64), numbers: &Tensor, fill: &str, ink: &str) {
        for row in 0..numbers.size()[0] {
            for column in 0..numbers.size()[1] {
                let at = (left + STEP.0 * column as f64, top + STEP.1 * row as f64);
                let number = format!("{:.2}", numbers.double_value(&[row, column]));
                self.field(at, (STEP.0 - 2.0, STEP.1 - 2.0), fill, ink, &number);
            }
        }
    }

    /// A table of weights from 0 to 1, the darker the larger, with labels for its rows and columns. Its upper left field
    /// stands at `at`; a field that `hidden` marks is gray.
    pub fn heat_map(
        &mut self,
        (left, top): (f64, f64),
        weights: &Tensor,
        hidden: Option<&Tensor>,
        labels: &[&str],
    ) {
        const FIELD: (f64, f64) = (54.0, 32.0);
        const GAP: f64 = 2.0;
        let place = |row: usize, column: usize| {
            (left + column as f64 * (FIELD.0 + GAP), top + row as f64 * (FIELD.1 + GAP))
        };
        for (index, label) in labels.iter().enumerate() {
            let (x, y) = place(index, index);
            self.text((left - 8.0, y + FIELD.1 / 2.0 + 4.5), "end", label);
            self.text((x + FIELD.0 / 2.0, top - 8.0), "middle", label);
            for column in 0..labels.len() {
                let at = [index as i64, column as i64];
                if hidden.is_some_and(|hidden| hidden.int64_value(&at) == 1) {
                    self.field(place(index, column), FIELD, "#c4c4c4", "#4a4a4a", "hidden");
                } else {
                    let weight = weights.double_value(&at);
                    let ink = if weight > 0.65 { "#ffffff" } else { "#1a1a1a" };
                    self.field(
                        place(index, column),
                        FIELD,
                        &shade(weight),
                        ink,
                        &format!("{weight:.2}"),
                    );
                }
            }
        }
    }

    /// Closes the picture and writes it to `chapters/figures/<name>.svg`, where `cargo xtask` has asked for it: a demo that
    /// a reader runs or changes leaves the figures of the chapters alone.
    pub fn write(mut self, name: &str) -> Result<()> {
        self.push("</svg>");
        if std::env::var_os("GPT2_FIGURES").is_none() {
            return Ok(());
        }
        let file = format!("chapters/figures/{name}.svg");
        fs::write(project_root().join(&file), self.text)
            .with_context(|| format!("cannot write {file}"))?;
        eprintln!("drew {file}");
        Ok(())
    }
}

/// From a pale to a deep blue.
pub fn shade(weight: f64) -> String {
    let between = |pale: f64, deep: f64| (pale + (deep - pale) * weight).round() as u8;
    format!("#{:02x}{:02x}{:02x}", between(226.0, 8.0), between(238.0, 64.0), between(249.0, 129.0))
}
