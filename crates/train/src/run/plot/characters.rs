//! The curves in characters, for a terminal.

use super::Curves;
use crate::run::card::epochs;
use anyhow::Result;
use std::fmt::Write;

/// The dots of a Braille character, two across and four down, by their bits.
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

impl Curves {
    /// Draws the curves with characters: training as dots of Braille, validation as `o`.
    ///
    /// # Errors
    /// If there is no step to draw.
    pub fn in_characters(&self, width: usize, height: usize) -> Result<String> {
        let ranges = self.ranges()?;
        let (tokens, lowest, highest) = ranges;
        let mut text = String::new();
        for (row, characters) in self.picture(width, height, ranges).into_iter().enumerate() {
            let label = match row {
                0 => format!("{highest:6.2}"),
                _ if row + 1 == height => format!("{lowest:6.2}"),
                _ => " ".repeat(6),
            };
            let line: String = characters.into_iter().collect();
            let _ = writeln!(text, "{label} |{}", line.trim_end()); // writing to a string cannot fail
        }
        let _ = writeln!(text, "       +{}", "-".repeat(width));
        let _ = writeln!(
            text,
            "        0 to {tokens:.0} tokens, {} epochs\n        loss in nats: dots for training, o for validation",
            epochs(self.epochs)
        );
        Ok(text)
    }

    /// The characters, row by row.
    fn picture(
        &self,
        width: usize,
        height: usize,
        (tokens, lowest, highest): (f64, f64, f64),
    ) -> Vec<Vec<char>> {
        let place = |(x, y): (f64, f64), columns: usize, rows: usize| {
            let column = (x / tokens * (columns - 1) as f64).round() as usize;
            let row = ((highest - y) / (highest - lowest) * (rows - 1) as f64).round() as usize;
            (column, row)
        };
        let mut dots = vec![vec![0_u32; width]; height];
        for point in &self.training {
            let (x, y) = place(*point, 2 * width, 4 * height);
            dots[y / 4][x / 2] |= DOTS[y % 4][x % 2];
        }
        let braille = |bits: u32| match bits {
            0 => ' ',
            bits => char::from_u32(0x2800 + bits).unwrap_or(' '),
        };
        let mut picture: Vec<Vec<char>> =
            dots.into_iter().map(|row| row.into_iter().map(braille).collect()).collect();
        for point in &self.validation {
            let (x, y) = place(*point, width, height);
            picture[y][x] = 'o';
        }
        picture
    }
}
