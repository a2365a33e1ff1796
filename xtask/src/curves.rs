//! The validation losses of several recorded runs, as one figure.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::svg::{self, text};

const HEIGHT: f64 = 380.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 620.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = 330.0;
/// How the lines are drawn: colors that the color-blind can tell apart, and dashes for whoever sees none.
const STYLES: [&str; 3] = [
    "class=\"blue\"",
    "class=\"orange\" stroke-dasharray=\"9 4\"",
    "class=\"gray\" stroke-dasharray=\"2 4\"",
];

const START: &str = "class=\"gray\" text-anchor=\"start\"";
const MIDDLE: &str = "class=\"gray\" text-anchor=\"middle\"";

/// Steps, and the validation loss after so many.
type Curve = Vec<(f64, f64)>;

/// The figure of runs, each with its name and the lines of its `metrics.jsonl`.
///
/// # Errors
/// If a run has no losses, or there are more runs than can be told apart.
pub fn figure(title: &str, runs: &[(String, String)]) -> Result<String> {
    ensure!(runs.len() <= STYLES.len(), "at most {} curves can be told apart", STYLES.len());
    let curves: Vec<Curve> = runs.iter().map(|(_, metrics)| curve(metrics)).collect();
    let points = || curves.iter().flatten();
    let steps = points().map(|(step, _)| *step).fold(0.0, f64::max);
    let lowest = points().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min).floor();
    let highest = points().map(|(_, loss)| *loss).fold(0.0, f64::max).ceil();
    let place = |(step, loss): &(f64, f64)| {
        let x = LEFT + (RIGHT - LEFT) * step / steps;
        (x, BOTTOM - (BOTTOM - TOP) * (loss - lowest) / (highest - lowest))
    };
    let mut drawn = axes(steps, lowest, highest, &place);
    for (number, (curve, (name, _))) in curves.iter().zip(runs).enumerate() {
        let last = curve.last().with_context(|| format!("{name} has no validation loss"))?;
        let y = 38.0 + 20.0 * number as f64;
        let key = [(LEFT, y - 5.0), (LEFT + 40.0, y - 5.0)];
        drawn += &line(&key, STYLES[number]);
        drawn += &text(LEFT + 50.0, y, START, &format!("{name}: {:.3} at the end", last.1));
        drawn += &line(&curve.iter().map(place).collect::<Vec<_>>(), STYLES[number]);
    }
    let told: Vec<_> =
        runs.iter().zip(&curves).map(|((name, _), curve)| told(name, curve)).collect();
    let description = format!("Validation loss in nats per token. {}.", told.join("; "));
    let drawn = text(LEFT, 18.0, START, title) + &drawn;
    Ok(svg::figure(title, &description, HEIGHT, &drawn))
}

/// A few of a curve's points, for those who cannot see it.
fn told(name: &str, curve: &Curve) -> String {
    let (last, before) = curve.split_last().expect("a curve without a point is an error before");
    let some = before.iter().step_by(before.len().div_ceil(4).max(1)).chain([last]);
    let some = some.map(|(step, loss)| format!("{loss:.3} at step {step:.0}"));
    format!("{name}: {}", some.collect::<Vec<_>>().join(", "))
}

/// The validation losses among the lines of a run's metrics.
fn curve(metrics: &str) -> Curve {
    let lines = metrics.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter_map(|line| Some((line["step"].as_f64()?, line["validation_loss"].as_f64()?)))
        .collect()
}

fn axes(
    steps: f64,
    lowest: f64,
    highest: f64,
    place: &impl Fn(&(f64, f64)) -> (f64, f64),
) -> String {
    let mut drawn = String::new();
    for loss in lowest as i64..=highest as i64 {
        let (_, y) = place(&(0.0, loss as f64));
        drawn += &line(&[(LEFT, y), (RIGHT, y)], "class=\"gray\" stroke-opacity=\"0.4\"");
        drawn +=
            &text(LEFT - 10.0, y + 5.0, "class=\"gray\" text-anchor=\"end\"", &loss.to_string());
    }
    for quarter in 0..=4 {
        let step = steps * f64::from(quarter) / 4.0;
        let (x, _) = place(&(step, lowest));
        drawn += &text(x, BOTTOM + 22.0, MIDDLE, &format!("{step:.0}"));
    }
    drawn + &text(f64::midpoint(LEFT, RIGHT), BOTTOM + 44.0, MIDDLE, "steps")
}

fn line(points: &[(f64, f64)], style: &str) -> String {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let points = points.join(" ");
    format!("<polyline points=\"{points}\" stroke-width=\"2\" {style}/>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_names_each_run_with_its_last_validation_loss() {
        let metrics = |last: f64| {
            format!(
                "{{\"step\":0,\"validation_loss\":6.9}}\n{{\"step\":1,\"loss\":6.8}}\n\
                 {{\"step\":50,\"validation_loss\":{last}}}\n"
            )
        };
        let runs = [("float32", 5.1), ("bfloat16", 5.25)]
            .map(|(name, last)| (name.to_owned(), metrics(last)));
        let drawn = figure("Learning", &runs).expect("a figure");
        assert!(drawn.contains("float32: 5.100 at the end") && drawn.contains("bfloat16: 5.250"));
        let ends = drawn.matches(&format!(" {RIGHT:.1},")).count();
        assert_eq!(ends, 3 + 2, "of the lines at 5, 6 and 7, and of two curves");
        figure("Learning", &[("empty".to_owned(), String::new())]).expect_err("nothing to draw");
    }
}
