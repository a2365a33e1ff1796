//! What a layer norm passes back of an error, on paper, by hand and by autograd (the page "Making it fast"); draws
//! `chapters/figures/norm-gradient.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use figure::{BLUE, ORANGE, Svg};
use model::fast::ops::functions::normalize_backward;
use tch::{Kind, Tensor};

const X: [f32; 4] = [1.0, 1.0, 5.0, 5.0];
/// What the loss says about the four outputs.
const DY: [f32; 4] = [3.0, 1.0, 2.0, 6.0];

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let normal = X.map(|x| (x - 3.0) / 2.0); // the mean is 3, the standard deviation 2
    println!("input {}\nnormalized {}", line(X), line(normal));
    println!("error of the output {}", line(DY));

    let mean = DY.iter().sum::<f32>() / 4.0;
    let shifted = DY.map(|dy| dy - mean);
    println!("its mean {mean:.1}, taken off {}", line(shifted));
    let along = DY.iter().zip(normal).map(|(dy, n)| dy * n).sum::<f32>() / 4.0;
    let rest = [0, 1, 2, 3].map(|i| shifted[i] - along * normal[i]);
    println!("its share along the input {along:.1}, taken off {}", line(rest));

    println!("divided by the standard deviation {}", line(rest.map(|dx| dx / 2.0)));
    println!("by hand {}", line(by_hand()));
    println!("by autograd {}", line(by_autograd()?));
    draw(DY, shifted, rest)
}

fn by_hand() -> [f32; 4] {
    let (mut dx, mut d_weight, mut d_bias) = ([0.0; 4], [0.0; 4], [0.0; 4]);
    normalize_backward([&X, &DY, &[1.0; 4]], 0.0, [&mut dx, &mut d_weight, &mut d_bias]);
    dx
}

fn by_autograd() -> Result<[f32; 4]> {
    let x = Tensor::from_slice(&X).set_requires_grad(true); // [C]
    let y = x.layer_norm::<&Tensor>([4], None, None, 0.0, false); // [C]
    (y * Tensor::from_slice(&DY)).sum(Kind::Float).backward();
    let gradient: Vec<f32> = Vec::try_from(x.grad())?;
    Ok([0, 1, 2, 3].map(|i| gradient[i]))
}

fn line(numbers: [f32; 4]) -> String {
    // Adding zero turns a -0 into 0.
    numbers.map(|number| format!("{:.1}", number + 0.0)).join(" ")
}

/// Three groups of four bars: the error, what is left without its mean, and what is left without its share along the input.
fn draw(error: [f32; 4], shifted: [f32; 4], rest: [f32; 4]) -> Result<()> {
    const GROUP: f64 = 180.0;
    const ZERO: f64 = 170.0;
    const UNIT: f64 = 20.0;
    const BAR: (f64, f64) = (30.0, 36.0);
    let title = "An error of 3, 1, 2, 6 loses its mean of 3 and its share along the input; 1, -1, -2, 2 are left";
    let groups = [("the error", error), ("without its mean", shifted), ("without its share", rest)];
    let told = groups.map(|(words, numbers)| format!("{words}: {}", line(numbers)));
    let told = format!("Three groups of four bars, up or down from zero. {}.", told.join("; "));
    let mut svg = Svg::new((560.0, 250.0), title, &told);
    for (place, (words, numbers)) in groups.into_iter().enumerate() {
        let left = 20.0 + GROUP * place as f64;
        let color = if place == 2 { ORANGE } else { BLUE };
        svg.line((left, ZERO), (left + 4.0 * BAR.1, ZERO), 1.0);
        svg.text((left + 2.0 * BAR.1, 24.0), "middle", words);
        for (channel, number) in numbers.into_iter().enumerate() {
            let number = f64::from(number + 0.0);
            let (x, height) = (left + BAR.1 * channel as f64, UNIT * number.abs());
            let top = if number > 0.0 { ZERO - height } else { ZERO };
            svg.bar((x + 3.0, top), (BAR.0, height), color);
            let below = if number < 0.0 { ZERO + height + 16.0 } else { ZERO - height - 6.0 };
            svg.text((x + 3.0 + BAR.0 / 2.0, below), "middle", &format!("{number}"));
        }
    }
    svg.write("norm-gradient")
}
