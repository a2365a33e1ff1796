//! Tensors as text (for the demos of all chapters), with the digits that PyTorch prints, so that the two can be compared number by number.

use tch::{Kind, Tensor};

/// From this many values on, only the edges are shown.
const SUMMARIZE_ABOVE: usize = 1000;
/// How many values an edge has.
const EDGE: i64 = 3;

/// Writes a tensor as lines of numbers: a row a line, an empty line between matrices, no brackets.
///
/// Digits are PyTorch's: 4 decimals; `1.` where all values are whole; scientific notation where the largest value is more
/// than 1,000 times the smallest, or above 1e8, or the smallest is below 1e-4. Of more than 1,000 values it shows the first
/// three and the last three of each axis, with `...` between.
///
/// # Source
/// PyTorch 2.13: `_Formatter` and `_tensor_str` in `torch/_tensor_str.py`.
pub fn tensor(values: &Tensor) -> String {
    let shortened = values.numel() > SUMMARIZE_ABOVE;
    let size = values.size();
    let cut: Vec<bool> = size.iter().map(|&length| shortened && length > 2 * EDGE).collect();
    let mut kept = values.shallow_clone();
    for (axis, _) in cut.iter().enumerate().filter(|&(_, &cut)| cut) {
        let (axis, length) = (axis as i64, size[axis]);
        kept = Tensor::cat(
            &[kept.narrow(axis, 0, EDGE), kept.narrow(axis, length - EDGE, EDGE)],
            axis,
        );
    }
    let words = words(&kept.reshape([-1]));
    lay_out(&words, &kept.size(), &cut).join("\n")
}

/// Where `ours` is not what is expected, for the message of a test; nothing where all numbers lie within `tolerance`.
///
/// It tells the shapes where they differ; else how many numbers do, the first of them with its place, and along which axes some
/// places are right and others are not, which often tells what went wrong.
pub fn difference(ours: &Tensor, expected: &Tensor, tolerance: f64) -> Option<String> {
    let (size, wanted) = (ours.size(), expected.size());
    if size != wanted {
        return Some(format!("shape {size:?} where {wanted:?} is expected"));
    }
    let (ours, expected) = (ours.to_kind(Kind::Double), expected.to_kind(Kind::Double));
    let gap = (&ours - &expected).abs();
    // Two equal infinities differ by NaN, which is not within any tolerance.
    let wrong = gap.le(tolerance).logical_or(&ours.eq_tensor(&expected)).logical_not();
    let count = wrong.sum(Kind::Int64).int64_value(&[]);
    if count == 0 {
        return None;
    }
    let first = numbers::<i64>(&wrong.nonzero().get(0), Kind::Int64);
    let mut text = format!(
        "{count} of {} numbers differ, the first at {first:?}: {} where {} is expected; the largest difference is {:.1e}",
        wrong.numel(),
        ours.double_value(&first),
        expected.double_value(&first),
        gap.max().double_value(&[])
    );
    for axis in 0..size.len() as i64 {
        text += &pattern(&wrong, axis);
    }
    Some(text)
}

/// Compares two tensors for a test.
///
/// # Panics
/// With `what` and the [`difference`], where there is one.
#[track_caller]
pub fn assert_agree(ours: &Tensor, expected: &Tensor, tolerance: f64, what: &str) {
    if let Some(difference) = difference(ours, expected, tolerance) {
        panic!("{what}: {difference}");
    }
}

/// Which places along an axis are right, or which are wrong, where that is not the same for all.
fn pattern(wrong: &Tensor, axis: i64) -> String {
    let others: Vec<i64> = (0..wrong.dim() as i64).filter(|&other| other != axis).collect();
    let of_place = wrong.to_kind(Kind::Int64).sum_dim_intlist(&others[..], false, None);
    let counts = if others.is_empty() { wrong.to_kind(Kind::Int64) } else { of_place };
    let counts = numbers::<i64>(&counts, Kind::Int64);
    let places = |is_right: bool| -> Vec<usize> {
        (0..counts.len()).filter(|&place| (counts[place] == 0) == is_right).collect()
    };
    let (right, wrong) = (places(true), places(false));
    match (right.len(), wrong.len()) {
        (0, _) | (_, 0) => String::new(),
        (rights, wrongs) if rights <= wrongs => {
            format!("; along axis {axis} only {right:?} is right")
        }
        _ => format!("; along axis {axis} only {wrong:?} is wrong"),
    }
}

/// Each value as a word, all in one notation.
fn words(values: &Tensor) -> Vec<String> {
    if !values.is_floating_point() {
        return numbers::<i64>(values, Kind::Int64).iter().map(ToString::to_string).collect();
    }
    let values = numbers::<f64>(values, Kind::Double);
    let ordinary = || {
        values.iter().map(|value| value.abs()).filter(|&value| value.is_finite() && value != 0.0)
    };
    let (smallest, largest) =
        (ordinary().fold(f64::INFINITY, f64::min), ordinary().fold(0.0, f64::max));
    let whole = ordinary().all(|value| value.fract() == 0.0);
    let scientific = largest / smallest > 1000.0 || largest > 1e8 || (!whole && smallest < 1e-4);
    let word = |&value: &f64| match (value.is_finite(), scientific, whole) {
        (false, ..) => format!("{value}").to_lowercase(),
        (_, true, _) => scientific_word(value),
        (_, _, true) => format!("{value:.0}."),
        _ => format!("{value:.4}"),
    };
    values.iter().map(word).collect()
}

fn numbers<T: tch::kind::Element + Copy>(values: &Tensor, kind: Kind) -> Vec<T> {
    let values = values.to_kind(kind);
    let mut copied = vec![T::ZERO; values.numel()];
    values.copy_data(&mut copied, values.numel());
    copied
}

/// `1.2340e-05`: 4 decimals, and an exponent with its sign and at least two digits.
fn scientific_word(value: f64) -> String {
    let plain = format!("{value:.4e}");
    let (digits, exponent) = plain.split_once('e').unwrap_or((&plain, "0"));
    let (sign, exponent) =
        exponent.strip_prefix('-').map_or(('+', exponent), |negative| ('-', negative));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// The lines of a block of the given size; `cut` says in which axes `...` stands for what was left out.
fn lay_out(words: &[String], size: &[i64], cut: &[bool]) -> Vec<String> {
    let Some((&length, inner)) = size.split_first() else {
        return words.to_vec();
    };
    let mut blocks: Vec<Vec<String>> = if words.is_empty() {
        Vec::new()
    } else {
        words
            .chunks(words.len() / length as usize)
            .map(|block| lay_out(block, inner, &cut[1..]))
            .collect()
    };
    if cut[0] {
        blocks.insert(EDGE as usize, vec!["...".to_string()]);
    }
    match inner.len() {
        0 => vec![blocks.concat().join(" ")],
        1 => blocks.concat(),
        _ => blocks.join(&String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn a_row_is_a_line_and_matrices_stand_apart() {
        let numbers = Tensor::arange(8, (Kind::Int64, Device::Cpu));
        assert_eq!(tensor(&numbers), "0 1 2 3 4 5 6 7");
        assert_eq!(tensor(&numbers.view([2, 4])), "0 1 2 3\n4 5 6 7");
        assert_eq!(tensor(&numbers.view([2, 2, 2])), "0 1\n2 3\n\n4 5\n6 7");
        assert_eq!(tensor(&Tensor::from(2.5)), "2.5000");
        assert_eq!(tensor(&numbers.view([2, 4]).tr()), "0 4\n1 5\n2 6\n3 7");
    }

    #[test]
    fn a_difference_tells_shapes_or_places_and_their_pattern() {
        let expected = Tensor::arange(12, (Kind::Float, Device::Cpu)).view([3, 4]);
        assert_eq!(difference(&expected, &expected, 0.0), None);
        assert_eq!(difference(&(&expected + 1e-4), &expected, 1e-3), None);
        let text = difference(&expected.tr(), &expected, 0.0).expect("other shapes");
        assert_eq!(text, "shape [4, 3] where [3, 4] is expected");
        let ours = expected.copy();
        let _ = ours.narrow(1, 2, 1).g_add_scalar_(0.5);
        let text = difference(&ours, &expected, 1e-3).expect("a wrong column");
        assert_eq!(
            text,
            "3 of 12 numbers differ, the first at [0, 2]: 2.5 where 2 is expected; the largest difference is 5.0e-1; \
             along axis 1 only [2] is wrong"
        );
        let _ = ours.narrow(0, 1, 2).g_add_scalar_(1.0);
        let text = difference(&ours, &expected, 1e-3).expect("two wrong rows");
        assert!(
            text.contains("9 of 12") && text.ends_with("expected; the largest difference is 1.5e0"),
            "{text}"
        );
        let last = Tensor::from_slice(&[1.0, 7.0, 8.0, f64::NAN]);
        let text =
            difference(&last, &Tensor::from_slice(&[1.0, 0.0, 0.0, 0.0]), 0.1).expect("three");
        assert!(
            text.starts_with("3 of 4") && text.ends_with("along axis 0 only [0] is right"),
            "{text}"
        );
        let infinite = Tensor::from_slice(&[f64::NEG_INFINITY]);
        assert_eq!(difference(&infinite, &infinite, 0.0), None);
        assert!(difference(&Tensor::from(1.0), &Tensor::from(2.0), 0.5).is_some());
    }

    #[test]
    fn notation_is_chosen_for_all_values_together() {
        assert_eq!(
            tensor(&Tensor::from_slice(&[1.0, -2.0, f64::NEG_INFINITY, 0.0])),
            "1. -2. -inf 0."
        );
        assert_eq!(tensor(&Tensor::from_slice(&[0.5, -0.25, f64::NAN])), "0.5000 -0.2500 nan");
        assert_eq!(tensor(&Tensor::from_slice(&[5.0, 1e-5])), "5.0000e+00 1.0000e-05");
        assert_eq!(tensor(&Tensor::from_slice(&[1.0, 2000.0])), "1.0000e+00 2.0000e+03");
        assert_eq!(tensor(&Tensor::from_slice(&[1.5, 1500.0])), "1.5000 1500.0000"); // exactly 1,000 times
        assert_eq!(tensor(&Tensor::from_slice(&[0.0, 0.0])), "0. 0.");
        assert_eq!(tensor(&Tensor::from_slice(&[0.0; 0])), "");
    }

    #[test]
    fn of_many_values_the_edges_are_shown() {
        let many = Tensor::arange(1001, (Kind::Int64, Device::Cpu));
        assert_eq!(tensor(&many), "0 1 2 ... 998 999 1000");
        let narrow = Tensor::arange(1002, (Kind::Int64, Device::Cpu)).view([501, 2]);
        assert_eq!(tensor(&narrow), "0 1\n2 3\n4 5\n...\n996 997\n998 999\n1000 1001");
        assert_eq!(
            tensor(&Tensor::zeros([40, 5, 9], (Kind::Float, Device::Cpu))).lines().count(),
            6 * 6 - 1 + 2
        );
    }
}
