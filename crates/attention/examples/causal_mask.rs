//! The causal mask, and what it does to the scores of `scaled_dot_product` (chapter 2.3); draws
//! `chapters/figures/causal-mask.svg` and `chapters/figures/attention-weights.svg`.

mod figure;

use anyhow::Result;
use attention::{attend::attention_weights, mask::causal_mask};
use embedding::{embed::Embedding, support::show};
use figure::{BLUE, PALE, Svg, in_words};
use tch::{Device, Kind, Tensor, nn::VarStore};

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);
const WORDS: [&str; 5] = ["Once", "upon", "a", "time", "there"];

fn main() -> Result<()> {
    tch::set_num_threads(1);

    tch::manual_seed(123);
    let x = Embedding::new(&VarStore::new(Device::Cpu).root(), 5, 4).weight.detach(); // [T, C]
    tch::manual_seed(123);
    let [w_q, w_k] = [(); 2].map(|()| Tensor::rand([4, 4], CPU)); // [C, D]
    let (q, k) = (x.matmul(&w_q), x.matmul(&w_k)); // [T, D]

    let hidden = causal_mask(5, 5, Device::Cpu); // [T, T]
    println!(
        "who may be read: 1 yes, 0 no\n{}",
        show::tensor(&hidden.logical_not().to_kind(Kind::Float))
    );
    let added = Tensor::zeros([5, 5], CPU).masked_fill(&hidden, f64::NEG_INFINITY);
    println!("what is added to the scores\n{}", show::tensor(&added));

    let scores = q.matmul(&k.tr()) / 4_f64.sqrt(); // [T, T]
    let open = attention_weights(&q, &k, None); // [T, T]
    println!("scores before the mask\n{}", show::tensor(&scores));
    println!("weights before the mask\n{}", show::tensor(&open));
    let masked = attention_weights(&q, &k, Some(&hidden)); // [T, T]
    println!("scores after the mask\n{}", show::tensor(&(scores + added)));
    println!("weights after the mask\n{}", show::tensor(&masked));
    println!("sum of each row\n{}", show::tensor(&masked.sum_dim_intlist(-1, false, None)));

    draw_mask(&hidden)?;
    draw_weights(&open, &masked, &hidden)
}

fn draw_mask(hidden: &Tensor) -> Result<()> {
    let mut svg = Svg::new(
        (420.0, 260.0),
        "The causal mask: each position reads itself and those before it",
        &format!(
            "A row for each reader and a column for each word that is read, in the order {}. The first row reads one word and \
             four are hidden; each row reads one more; the last reads all five.",
            WORDS.join(", "),
        ),
    );
    svg.text((230.0, 20.0), "middle", "the word that is read");
    svg.text((8.0, 56.0), "start", "the reader");
    for (row, reader) in WORDS.iter().enumerate() {
        let (x, y) = (92.0 + 60.0 * row as f64, 68.0 + 36.0 * row as f64);
        svg.text((84.0, y + 20.0), "end", reader);
        svg.text((x + 28.0, 56.0), "middle", reader);
        for column in 0..WORDS.len() {
            let is_hidden = hidden.int64_value(&[row as i64, column as i64]) == 1;
            let (color, word) = if is_hidden { (PALE, "hidden") } else { (BLUE, "reads") };
            svg.field((92.0 + 60.0 * column as f64, y), (58.0, 34.0), color, word);
        }
    }
    svg.write("causal-mask")
}

fn draw_weights(open: &Tensor, masked: &Tensor, hidden: &Tensor) -> Result<()> {
    let mut svg = Svg::new(
        (640.0, 240.0),
        "Attention weights of five words, before and after the mask",
        &format!(
            "Two tables with a row for each word that reads and a column for each that is read. Before the mask no field is \
             empty; the first row is {}. After it only the lower left triangle is left: the first row is 1 for itself, the \
             last, which reads all words, stays as it was: {}. Each row sums to 1.",
            in_words(&open.get(0)),
            in_words(&masked.get(4)),
        ),
    );
    svg.text((182.0, 20.0), "middle", "before the mask");
    svg.heat_map((48.0, 60.0), open, None, &WORDS);
    svg.text((505.0, 20.0), "middle", "after the mask");
    svg.heat_map((371.0, 60.0), masked, Some(hidden), &WORDS);
    svg.write("attention-weights")
}
