//! A table with a vector for each token, and the look-up as a product of matrices; draws `chapters/figures/look-up.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::{Result, ensure};
use embedding::embed::Embedding;
use embedding::support::show;
use figure::{BLUE, PALE, Svg, in_words};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let ids = Tensor::from_slice(&[2_i64, 3, 5]);

    let store = VarStore::new(Device::Cpu);
    tch::manual_seed(123);
    let small = Embedding::new(&(store.root() / "small"), 10, 4);
    println!("a table of 10 tokens with 4 channels each");
    println!("{}", show::tensor(&small.weight));
    let rows = small.forward(&ids); // [3, C]
    println!("rows 2, 3, 5");
    println!("{}", show::tensor(&rows));

    let one_hot = ids.one_hot(10).to_kind(Kind::Float); // [3, V]
    println!("their one-hot vectors");
    println!("{}", show::tensor(&one_hot));
    let product = one_hot.matmul(&small.weight); // [3, C]
    println!("one-hot vectors times the table");
    println!("{}", show::tensor(&product));
    ensure!(product == rows, "the product is not the look-up");
    println!("equal bit for bit to the rows looked up");
    draw(&small.weight, &[2, 3, 5])?;

    tch::manual_seed(123);
    let large = Embedding::new(&(store.root() / "large"), 50257, 768);
    let rows = large.forward(&ids); // [3, C]
    println!("rows 2, 3, 5 of a table of 50257 tokens with 768 channels, shape {:?}", rows.size());
    println!("{}", show::tensor(&rows));
    Ok(())
}

/// The table, the rows that some ids take from it, and what they make together.
fn draw(table: &Tensor, ids: &[i64]) -> Result<()> {
    let rows = ids.iter().map(|&id| format!("row {id} is {}", in_words(&table.get(id))));
    let mut svg = Svg::new(
        (640.0, 372.0),
        "The ids 2, 3 and 5 take rows 2, 3 and 5 of the table",
        &format!(
            "Lines lead from each id to its row in a table of ten rows and four columns, and from there to the result, which \
             has three rows: {}.",
            rows.collect::<Vec<_>>().join("; "),
        ),
    );
    svg.text((70.0, 22.0), "middle", "ids [3]");
    svg.text((260.0, 22.0), "middle", "the table [10, 4]");
    svg.text((520.0, 22.0), "middle", "the rows [3, 4]");
    for row in 0..10 {
        let y = 36.0 + 33.0 * row as f64;
        let lit = ids.contains(&row);
        svg.text((138.0, y + 20.0), "end", &row.to_string());
        draw_row(&mut svg, (148.0, y), &table.get(row), lit);
    }
    for (place, &id) in ids.iter().enumerate() {
        let y = 102.0 + 60.0 * place as f64;
        let source = 50.0 + 33.0 * id as f64;
        svg.field((48.0, y), (44.0, 29.0), BLUE, &id.to_string());
        svg.line((92.0, y + 14.0), (124.0, source), 1.0);
        svg.line((374.0, source), (408.0, y + 14.0), 1.0);
        draw_row(&mut svg, (410.0, y), &table.get(id), true);
    }
    svg.write("look-up")
}

fn draw_row(svg: &mut Svg, (left, y): (f64, f64), numbers: &Tensor, lit: bool) {
    let color = if lit { BLUE } else { PALE };
    for channel in 0..4 {
        let number = format!("{:.2}", numbers.double_value(&[channel]));
        svg.field((left + 56.0 * channel as f64, y), (54.0, 29.0), color, &number);
    }
}
