//! The loss as a curve (chapter 4.4): an SVG for a page, and Braille characters for a terminal.

use crate::metrics::Line;
use anyhow::{Result, anyhow, ensure};
use plotters::prelude::*;
use std::fmt::Write;

/// Two colors that the color-blind can tell apart, and that differ in gray when printed; the second curve has marks as well.
const TRAINING: RGBColor = RGBColor(0x2b, 0x83, 0xba);
const VALIDATION: RGBColor = RGBColor(0xe0, 0x7b, 0x1a);
/// Lines and letters: as far from white as from black, so that they can be read on a light and on a dark page.
const GRAY: RGBColor = RGBColor(0x7d, 0x7d, 0x7d);
/// The dots of a Braille character, two across and four down, by their bits.
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
/// The most points that are worth drawing of a curve.
const MOST_POINTS: usize = 300;

/// The losses of a run, each beside the number of tokens seen before it was measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curves {
    /// Tokens seen and the loss of a training step.
    pub training: Vec<(f64, f64)>,
    /// Tokens seen and a validation loss.
    pub validation: Vec<(f64, f64)>,
    /// Passes over the data at the end.
    pub epochs: f64,
}

impl Curves {
    /// The losses among the lines of a run's metrics.
    pub fn from_history(history: &[Line]) -> Self {
        let mut curves = Self::default();
        for line in history {
            match line {
                Line::Step(step) => {
                    curves.training.push((step.tokens as f64, step.loss));
                    curves.epochs = step.epoch;
                }
                Line::Validation(measured) => {
                    curves.validation.push((measured.tokens as f64, measured.validation_loss));
                    curves.epochs = measured.epoch;
                }
                Line::Sample(_) => {}
            }
        }
        curves
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.training.iter().chain(&self.validation).copied()
    }

    /// Tokens seen in all, and the range of the losses with some air around it.
    fn ranges(&self) -> Result<(f64, f64, f64)> {
        let tokens = self.points().map(|(tokens, _)| tokens).fold(0.0, f64::max);
        let lowest = self.points().map(|(_, loss)| loss).fold(f64::INFINITY, f64::min);
        let highest = self.points().map(|(_, loss)| loss).fold(0.0, f64::max);
        ensure!(tokens > 0.0 && lowest.is_finite(), "there is no step to draw a curve of");
        let air = 0.05 * (highest - lowest).max(0.1);
        Ok((tokens, (lowest - air).max(0.0), highest + air))
    }

    /// Draws the curves as SVG: tokens seen below, epochs above, loss on the left.
    ///
    /// # Errors
    /// If there is no step to draw.
    pub fn svg(&self, title: &str) -> Result<String> {
        let (tokens, lowest, highest) = self.ranges()?;
        let mut svg = String::new();
        // Its errors borrow the picture, so that they are turned into text at once.
        self.draw(&mut svg, title, (tokens, lowest, highest))
            .map_err(|error| anyhow!("cannot draw the loss: {error}"))?;
        Ok(svg)
    }

    fn draw(
        &self,
        svg: &mut String,
        title: &str,
        (tokens, lowest, highest): (f64, f64, f64),
    ) -> Result<(), Box<dyn std::error::Error + '_>> {
        const FONT: &str = "sans-serif";
        let short = |value: &f64| {
            format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        // plotters takes the size of a line where SVG takes that of a letter.
        let letters = |size: i32| (FONT, f64::from(size) * 1.24).into_font().color(&GRAY);
        let (scale, unit) = if tokens >= 2e6 { (1e6, "million") } else { (1e3, "thousand") };
        let canvas = SVGBackend::with_string(svg, (760, 460)).into_drawing_area();
        let canvas = canvas.titled(title, letters(17)).map_err(|error| error.to_string())?;
        let mut chart = ChartBuilder::on(&canvas)
            .margin(12)
            .margin_right(24)
            .x_label_area_size(44)
            .y_label_area_size(52)
            .top_x_label_area_size(40)
            .build_cartesian_2d(0.0..tokens / scale, lowest..highest)
            .map_err(|error| error.to_string())?
            .set_secondary_coord(0.0..self.epochs.max(f64::MIN_POSITIVE), lowest..highest);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRAY.mix(0.3))
            .light_line_style(TRANSPARENT)
            .axis_style(GRAY)
            .label_style(letters(13))
            .axis_desc_style(letters(14))
            .x_desc(format!("tokens seen ({unit})"))
            .y_desc("loss (nats per token)")
            .x_label_formatter(&short)
            .y_label_formatter(&short)
            .draw()
            .map_err(|error| error.to_string())?;
        chart
            .configure_secondary_axes()
            .axis_style(GRAY)
            .label_style(letters(13))
            .axis_desc_style(letters(14))
            .x_desc("epochs")
            .x_label_formatter(&short)
            .draw()
            .map_err(|error| error.to_string())?;

        let scaled = |points: &[(f64, f64)]| {
            thinned(points).into_iter().map(|(x, y)| (x / scale, y)).collect::<Vec<_>>()
        };
        chart
            .draw_series(LineSeries::new(scaled(&self.training), TRAINING.stroke_width(2)))
            .map_err(|error| error.to_string())?
            .label("training")
            .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 22, y)], TRAINING.stroke_width(2)));
        let measured = scaled(&self.validation);
        chart
            .draw_series(LineSeries::new(measured.clone(), VALIDATION.stroke_width(2)))
            .map_err(|error| error.to_string())?
            .label("validation")
            .legend(|(x, y)| {
                EmptyElement::at((x, y))
                    + PathElement::new(vec![(0, 0), (22, 0)], VALIDATION.stroke_width(2))
                    + Circle::new((11, 0), 4, VALIDATION.filled())
            });
        chart
            .draw_series(
                measured.into_iter().map(|point| Circle::new(point, 4, VALIDATION.filled())),
            )
            .map_err(|error| error.to_string())?;
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font(letters(14))
            .border_style(TRANSPARENT)
            .draw()
            .map_err(|error| error.to_string())?;
        canvas.present().map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Draws the curves with characters: training as dots of Braille, validation as `o`.
    ///
    /// # Errors
    /// If there is no step to draw.
    pub fn in_characters(&self, width: usize, height: usize) -> Result<String> {
        let (tokens, lowest, highest) = self.ranges()?;
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
        let mut picture: Vec<Vec<char>> =
            dots.iter()
                .map(|row| {
                    row.iter()
                        .map(|&bits| {
                            if bits == 0 {
                                ' '
                            } else {
                                char::from_u32(0x2800 + bits).unwrap_or(' ')
                            }
                        })
                        .collect()
                })
                .collect();
        for point in &self.validation {
            let (x, y) = place(*point, width, height);
            picture[y][x] = 'o';
        }
        let mut text = String::new();
        for (row, characters) in picture.into_iter().enumerate() {
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
            "        0 to {tokens:.0} tokens, {:.1} epochs\n        loss in nats: dots for training, o for validation",
            self.epochs
        );
        Ok(text)
    }
}

/// At most [`MOST_POINTS`] points: means of neighbors, whose noise would only blacken the page.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let together = points.len().div_ceil(MOST_POINTS).max(1);
    let mean = |chunk: &[(f64, f64)]| {
        let sum = chunk.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / chunk.len() as f64, sum.1 / chunk.len() as f64)
    };
    points.chunks(together).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn falling() -> Curves {
        let training = (1..=1000)
            .map(|step| (f64::from(step) * 100.0, 10.0 / f64::from(step).sqrt()))
            .collect();
        Curves {
            training,
            validation: vec![(0.0, 10.0), (50_000.0, 2.0), (100_000.0, 1.5)],
            epochs: 4.0,
        }
    }

    #[test]
    fn the_picture_names_its_axes_and_both_curves() {
        let svg = falling().svg("Loss of a test").expect("a picture");
        for words in [
            "Loss of a test",
            "tokens seen (thousand)",
            "loss (nats per token)",
            "epochs",
            "training",
            "validation",
        ] {
            assert!(svg.contains(words), "{words} is missing");
        }
        assert!(svg.len() < 60_000, "{} bytes", svg.len());
    }

    #[test]
    fn the_curve_in_characters_falls_from_the_upper_left_to_the_lower_right() {
        let text = falling().in_characters(40, 10).expect("a picture");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("|o") || lines[1].contains("|o"), "{text}");
        assert!(lines[9].ends_with('o') || lines[8].ends_with('o'), "{text}");
    }

    #[test]
    fn a_run_without_a_step_has_no_curve() {
        assert!(Curves::default().svg("nothing").is_err());
    }
}
