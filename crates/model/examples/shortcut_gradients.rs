//! What a gradient loses on its way down, with and without shortcuts (chapter 3.4); draws `chapters/figures/gradients.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use attention::linear::Linear;
use figure::{BLUE, ORANGE, Svg};
use model::config::Gelu;
use tch::{Device, Kind, Reduction, Tensor, nn::VarStore};

fn main() -> Result<()> {
    tch::set_num_threads(1);

    tch::manual_seed(123);
    let _ = five_layers();
    let x = Tensor::randn([1, 4], (Kind::Float, Device::Cpu));
    tch::manual_seed(123);
    let layers = five_layers();

    let without = gradients(&layers, &x, false);
    let with = gradients(&layers, &x, true);
    for (title, sizes) in [("without shortcuts", &without), ("with shortcuts", &with)] {
        println!("mean size of the gradient, {title}");
        for (layer, size) in sizes.iter().enumerate() {
            println!("layer {layer} weight {size:.6}");
        }
        println!("last layer over first layer {:.2}", sizes[4] / sizes[0]);
    }
    draw(&without, &with)
}

fn five_layers() -> Vec<Linear> {
    let store = VarStore::new(Device::Cpu);
    let root = store.root();
    (0..5).map(|layer| Linear::new(&(&root / layer), 4, 4, true)).collect()
}

fn forward(layers: &[Linear], x: &Tensor, shortcuts: bool) -> Tensor {
    layers.iter().fold(x.shallow_clone(), |x, layer| {
        let out = Gelu::Exact.forward(&layer.forward(&x));
        if shortcuts { &x + out } else { out }
    })
}

/// Mean absolute gradient of each layer's weight, where the target is zero.
fn gradients(layers: &[Linear], x: &Tensor, shortcuts: bool) -> Vec<f64> {
    let out = forward(layers, x, shortcuts);
    let loss = out.mse_loss(&out.zeros_like(), Reduction::Mean);
    let weights: Vec<&Tensor> = layers.iter().map(|layer| &layer.weight).collect();
    let gradients = Tensor::run_backward(&[loss], &weights, false, false);
    gradients.iter().map(|gradient| gradient.abs().mean(None).double_value(&[])).collect()
}

/// Bars on a logarithmic scale: each line up is ten times as much.
fn draw(without: &[f64], with: &[f64]) -> Result<()> {
    const BOTTOM: f64 = 250.0;
    const DECADE: f64 = 42.0;
    let height = |size: f64| (size.log10() + 5.0) * DECADE;
    let told = |sizes: &[f64]| {
        sizes.iter().map(|size| format!("{size:.5}")).collect::<Vec<_>>().join(", ")
    };
    let mut svg = Svg::new(
        (620.0, 300.0),
        "Mean size of the gradient in each of five layers, without and with shortcuts",
        &format!(
            "Bars on a scale where each line is ten times the one below. From layer 0, near the input, to layer 4: without \
             shortcuts {}; with shortcuts {}.",
            told(without),
            told(with),
        ),
    );
    for (exponent, label) in
        [(-5, "0.00001"), (-4, "0.0001"), (-3, "0.001"), (-2, "0.01"), (-1, "0.1"), (0, "1")]
    {
        let y = BOTTOM - height(10_f64.powi(exponent));
        svg.line((78.0, y), (598.0, y), 0.3);
        svg.text((70.0, y + 4.5), "end", label);
    }
    for layer in 0..5 {
        let left = 92.0 + 104.0 * layer as f64;
        for (bar, (sizes, color)) in [(without, ORANGE), (with, BLUE)].into_iter().enumerate() {
            let high = height(sizes[layer]);
            svg.bar((left + 40.0 * bar as f64, BOTTOM - high), (36.0, high), color);
        }
        svg.text((left + 38.0, BOTTOM + 20.0), "middle", &format!("layer {layer}"));
    }
    svg.colored_text((92.0, 20.0), "start", "without shortcuts", ORANGE);
    svg.colored_text((240.0, 20.0), "start", "with shortcuts", BLUE);
    svg.write("gradients")
}
