//! What is said of several repetitions.

/// The middle one, or the mean of the two in the middle.
///
/// # Panics
/// If there is none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

/// The median of the ratios of what was measured in the same round: what slows the machine down for a while slows both.
pub fn median_ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    median(&ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 1e-12
    }

    #[test]
    fn one_wild_repetition_does_not_move_the_median() {
        assert!(is(median(&[3.0, 1.0, 900.0, 2.0, 2.5]), 2.5));
        assert!(is(median(&[4.0, 1.0, 3.0, 2.0]), 2.5));
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine halves its speed in the last two rounds: ours is twice as fast in each round all the same.
        let (ours, theirs) = ([20.0, 20.0, 10.0, 10.0], [10.0, 10.0, 5.0, 5.0]);
        assert!(is(median_ratio(&ours, &theirs), 2.0));
        assert!(
            is(median_ratio(&[1.0, 9.0, 4.0], &[1.0, 3.0, 2.0]), 2.0),
            "not the ratio of the medians, 4 / 2, by chance"
        );
        assert!(
            is(median_ratio(&[1.0, 6.0, 6.0], &[2.0, 2.0, 6.0]), 1.0),
            "the ratio of the medians would be 3"
        );
    }
}
