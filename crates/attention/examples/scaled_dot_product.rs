//! Scaled dot-product attention step by step (chapter 2.1); draws `chapters/figures/softmax.svg` and
//! `chapters/figures/query-key-value.svg`.

mod figure;

use anyhow::Result;
use attention::attend::attention_weights;
use embedding::{embed::Embedding, support::show};
use figure::{BLUE, GRAY, GREEN, ORANGE, PALE, STEP, Svg, in_words};
use tch::{Device, Kind, Tensor, nn::VarStore};

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

fn main() -> Result<()> {
    tch::set_num_threads(1);

    tch::manual_seed(123);
    let x = Embedding::new(&VarStore::new(Device::Cpu).root(), 5, 4).weight.detach(); // [T, C]
    tch::manual_seed(123);
    let [w_q, w_k, w_v] = [(); 3].map(|()| Tensor::rand([4, 4], CPU)); // [C, D]

    println!("X: five positions of four channels\n{}", show::tensor(&x));
    println!("W_Q\n{}", show::tensor(&w_q));
    let (q, k, v) = (x.matmul(&w_q), x.matmul(&w_k), x.matmul(&w_v)); // [T, D]
    println!("queries Q = X W_Q\n{}", show::tensor(&q));
    println!("keys K = X W_K\n{}", show::tensor(&k));
    println!("values V = X W_V\n{}", show::tensor(&v));

    let scores = q.matmul(&k.tr()); // [T, T]
    println!("scores Q K^T\n{}", show::tensor(&scores));
    println!(
        "scores divided by the root of 4 channels\n{}",
        show::tensor(&(&scores / 4_f64.sqrt()))
    );
    let weights = attention_weights(&q, &k, None); // [T, T]
    println!("weights: softmax of each row\n{}", show::tensor(&weights));
    println!("sum of each row\n{}", show::tensor(&weights.sum_dim_intlist(-1, false, None)));
    println!("output: weights times V\n{}", show::tensor(&weights.matmul(&v)));

    println!("softmax of the pair x and 0");
    for x in [-5.0, -2.0, -1.0, 0.0, 1.0, 2.0, 5.0] {
        let [first, second] = softmax_of_pair(x);
        println!("x {x:.1} weights {first:.4} {second:.4}");
    }

    println!("largest weight for 4 random scores, mean of 1000 rows, then the same scores times 8");
    tch::manual_seed(123);
    let random_scores = Tensor::randn([1000, 4], CPU);
    for factor in [1.0, 8.0] {
        let largest = (&random_scores * factor).softmax(-1, None).amax(-1, false).mean(None);
        println!("factor {factor:.1} largest weight {:.4}", largest.double_value(&[]));
    }
    draw_softmax()?;
    draw_flow(&q, &k, &v)
}

fn softmax_of_pair(x: f64) -> [f64; 2] {
    let weights = Tensor::from_slice(&[x as f32, 0.0]).softmax(-1, None);
    [weights.double_value(&[0]), weights.double_value(&[1])]
}

fn draw_softmax() -> Result<()> {
    const LEFT: f64 = 60.0;
    const TOP: f64 = 20.0;
    const WIDTH: f64 = 500.0;
    const HEIGHT: f64 = 220.0;
    let (across, down) =
        (|x: f64| LEFT + (x + 5.0) / 10.0 * WIDTH, |weight: f64| TOP + (1.0 - weight) * HEIGHT);

    let at = |x: f64| softmax_of_pair(x)[0];
    let mut svg = Svg::new(
        (600.0, 300.0),
        "The two weights of a softmax over x and 0, for x from -5 to 5",
        &format!(
            "Two curves that sum to 1 everywhere and cross at x = 0, where both are 0.50. The weight of x rises: {:.2} at -5, \
             {:.2} at -2, {:.2} at 2, {:.2} at 5. The weight of 0 falls as its mirror image.",
            at(-5.0),
            at(-2.0),
            at(2.0),
            at(5.0),
        ),
    );
    for weight in [0.0, 0.25, 0.5, 0.75, 1.0] {
        svg.line((across(-5.0), down(weight)), (across(5.0), down(weight)), 0.3);
        svg.text((LEFT - 8.0, down(weight) + 4.0), "end", &format!("{weight:.2}"));
    }
    for x in (-5..=5).map(f64::from) {
        svg.line((across(x), down(0.0)), (across(x), down(0.0) + 5.0), 1.0);
        svg.text((across(x), down(0.0) + 20.0), "middle", &format!("{x:.0}"));
    }
    svg.text((across(0.0), down(0.0) + 42.0), "middle", "score x; the other score is 0");
    let steps = (0..=100).map(|step| f64::from(step) / 10.0 - 5.0);
    for (channel, color, label_x, label) in
        [(0, BLUE, 4.0, "weight of x"), (1, ORANGE, -4.0, "weight of 0")]
    {
        let curve: Vec<_> =
            steps.clone().map(|x| (across(x), down(softmax_of_pair(x)[channel]))).collect();
        svg.curve(&curve, color);
        svg.colored_text((across(label_x), down(0.86)), "middle", label, color);
    }
    svg.write("softmax")
}

/// What the first position reads: its query against all keys, and the values in the proportions that come out.
fn draw_flow(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<()> {
    let [keys, scores_at, weights_at, values, top] = [32.0, 244.0, 334.0, 440.0, 110.0];
    let scores = q.narrow(0, 0, 1).matmul(&k.tr()) / 4_f64.sqrt(); // [1, T]
    let weights = scores.softmax(-1, None); // [1, T]
    let output = weights.matmul(v); // [1, D]
    let mut svg = Svg::new(
        (640.0, 350.0),
        "How the first of five positions reads all five",
        &format!(
            "The query of position 0, {}, is multiplied by the key of each of the five positions and added up. Half of that are \
             the scores {}. Softmax makes the weights {} of them. The values, each times its weight, add up to the output {}.",
            in_words(&q.get(0)),
            in_words(&scores),
            in_words(&weights),
            in_words(&output),
        ),
    );
    svg.colored_text((keys, 18.0), "start", "query of position 0", BLUE);
    svg.numbers((keys, 26.0), &q.narrow(0, 0, 1), BLUE);
    svg.text((keys + 95.0, 78.0), "middle", "times each key, added up");
    svg.colored_text((keys, top - 10.0), "start", "keys", ORANGE);
    svg.numbers((keys, top), k, ORANGE);
    svg.text((scores_at + 30.0, top - 10.0), "middle", "score / 2");
    svg.text((weights_at + 30.0, top - 10.0), "middle", "weight");
    for row in 0..5 {
        let y = top + STEP.1 * row as f64;
        let (score, weight) = (scores.double_value(&[0, row]), weights.double_value(&[0, row]));
        svg.text((keys - 12.0, y + 19.0), "middle", &row.to_string());
        svg.field((scores_at, y), (60.0, 28.0), PALE, &format!("{score:.2}"));
        svg.weight((weights_at, y), (60.0, 28.0), weight);
    }
    svg.text((keys + 202.0, top + 79.0), "middle", "→");
    svg.text((scores_at + 75.0, top + 79.0), "middle", "→");
    svg.text((weights_at + 83.0, top + 79.0), "middle", "×");
    svg.text((scores_at + 75.0, top + 172.0), "middle", "softmax");
    svg.colored_text((values, top - 10.0), "start", "values", GREEN);
    svg.numbers((values, top), v, GREEN);
    svg.text((values + 95.0, top + 172.0), "middle", "added up: the output");
    svg.numbers((values, top + 184.0), &output, GRAY);
    svg.write("query-key-value")
}
