//! The curves as SVG, drawn by plotters.

use super::Curves;
use anyhow::{Context, Result};
use plotters::{
    chart::DualCoordChartContext, coord::types::RangedCoordf64, prelude::*, style::TextStyle,
};

/// Two colors that the color-blind can tell apart, and that differ in gray when printed; the second curve has marks as well.
const TRAINING: RGBColor = RGBColor(0x2b, 0x6a, 0x9b);
const VALIDATION: RGBColor = RGBColor(0xb4, 0x53, 0x09);
/// Lines and letters.
const GRAY: RGBColor = RGBColor(0x5f, 0x67, 0x73);
/// The same colors on a dark page.
const STYLE: &str = "<style>@media(prefers-color-scheme:dark){text{fill:#a9b1bd}[stroke=\"#5F6773\"]{stroke:#a9b1bd}\
    [stroke=\"#2B6A9B\"]{stroke:#6db3dd}[stroke=\"#B45309\"]{stroke:#f0a050}[fill=\"#B45309\"]{fill:#f0a050}}</style>";
/// The most points that are worth drawing of a curve.
const MOST_POINTS: usize = 300;

/// Losses over tokens, and over epochs in the same frame.
type Chart<'a, 'b> = DualCoordChartContext<'a, SVGBackend<'b>, Plane, Plane>;
type Plane = Cartesian2d<RangedCoordf64, RangedCoordf64>;

impl Curves {
    /// Draws the curves as SVG: tokens seen below, epochs above, loss on the left.
    ///
    /// # Errors
    /// If there is no step to draw.
    pub fn svg(&self, title: &str) -> Result<String> {
        let ranges = self.ranges()?;
        let mut svg = String::new();
        self.draw(&mut svg, title, ranges).context("cannot draw the loss")?;
        let told = format!("<title>{title}</title>\n<desc>{}</desc>\n{STYLE}\n", self.in_words());
        Ok(svg.replacen("<text", &format!("{told}<text"), 1))
    }

    /// What the curves show, for those who cannot see them.
    fn in_words(&self) -> String {
        let [training, validation] = [&self.training, &self.validation].map(|curve| {
            let best = curve.iter().min_by(|a, b| a.1.total_cmp(&b.1));
            let ends = curve.first().zip(curve.last()).zip(best);
            ends.map_or("no measurement".to_owned(), |((first, last), best)| {
                let (from, lowest, to) = (first.1, best.1, last.1);
                format!("{from:.2} at first, {lowest:.2} at {:.0} tokens as its lowest, {to:.2} at the end", best.0)
            })
        });
        format!(
            "Loss in nats per token over the tokens seen. Training: {training}. Validation: {validation}."
        )
    }

    fn draw(
        &self,
        svg: &mut String,
        title: &str,
        (tokens, lowest, highest): (f64, f64, f64),
    ) -> Result<()> {
        let (scale, unit) = if tokens >= 2e6 { (1e6, "million") } else { (1e3, "thousand") };
        let canvas = SVGBackend::with_string(svg, (640, 430)).into_drawing_area();
        let canvas = canvas.titled(title, letters(17))?;
        let mut chart = ChartBuilder::on(&canvas)
            .margin(12)
            .margin_right(24)
            .x_label_area_size(46)
            .y_label_area_size(56)
            .top_x_label_area_size(44)
            .build_cartesian_2d(0.0..tokens / scale, lowest..highest)?
            .set_secondary_coord(0.0..self.epochs.max(f64::MIN_POSITIVE), lowest..highest);
        draw_axes(&mut chart, unit, tokens / scale, self.epochs)?;
        let scaled = |points: &[(f64, f64)]| {
            thinned(points).into_iter().map(|(x, y)| (x / scale, y)).collect::<Vec<_>>()
        };
        draw_training(&mut chart, scaled(&self.training))?;
        draw_validation(&mut chart, &scaled(&self.validation))?;
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperMiddle) // where curves that fall, and those that rise again, are not
            .label_font(letters(15))
            .border_style(TRANSPARENT)
            .draw()?;
        canvas.present()?;
        Ok(())
    }
}

/// Letters of so many pixels; plotters takes the size of a line where SVG takes that of a letter.
fn letters(size: i32) -> TextStyle<'static> {
    ("sans-serif", f64::from(size) * 1.24).into_font().color(&GRAY)
}

/// Writes numbers of an axis that long, with so many digits behind the point that no two marks look alike, but for its last zeros.
fn short(range: f64) -> impl Fn(&f64) -> String {
    let places = (1.0 - range.log10().floor()).clamp(2.0, 12.0) as usize;
    move |value| {
        let text = format!("{value:.places$}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

fn draw_axes(chart: &mut Chart, unit: &str, tokens: f64, epochs: f64) -> Result<()> {
    let (below, above, left) = (short(tokens), short(epochs), short(1.0));
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRAY.mix(0.3))
        .light_line_style(TRANSPARENT)
        .axis_style(GRAY)
        .label_style(letters(15))
        .axis_desc_style(letters(15))
        .x_desc(format!("tokens seen ({unit})"))
        .y_desc("loss (nats per token)")
        .x_label_formatter(&below)
        .y_label_formatter(&left)
        .draw()?;
    chart
        .configure_secondary_axes()
        .axis_style(GRAY)
        .label_style(letters(15))
        .axis_desc_style(letters(15))
        .x_desc("epochs")
        .x_label_formatter(&above)
        .draw()?;
    Ok(())
}

fn draw_training<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>, points: Vec<(f64, f64)>) -> Result<()> {
    chart
        .draw_series(LineSeries::new(points, TRAINING.stroke_width(2)))?
        .label("training")
        .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 22, y)], TRAINING.stroke_width(2)));
    Ok(())
}

/// The curve of the validation, with a mark at each measurement.
fn draw_validation<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>, points: &[(f64, f64)]) -> Result<()> {
    chart
        .draw_series(LineSeries::new(points.iter().copied(), VALIDATION.stroke_width(2)))?
        .label("validation")
        .legend(|(x, y)| {
            EmptyElement::at((x, y))
                + PathElement::new(vec![(0, 0), (22, 0)], VALIDATION.stroke_width(2))
                + Circle::new((11, 0), 4, VALIDATION.filled())
        });
    let marks = points.iter().map(|&point| Circle::new(point, 4, VALIDATION.filled()));
    chart.draw_series(marks)?;
    Ok(())
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
