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
