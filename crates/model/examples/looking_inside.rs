//! What a text leaves behind in a small model: weights of attention, the residual stream, the logit lens (chapter 3.9).

use anyhow::Result;
use embedding::support::{show, texts::project_root};
use model::{format, trace::trace};
use tch::Device;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let model = format::load(&project_root().join("data/reference/tiny-models/tied"), Device::Cpu)?;
    let traced = trace(&model, &[47, 3, 44, 29, 10])?;

    println!("attention, shape {}", words(&traced.attention.size()));
    println!("block 2, head 1\n{}", show::tensor(&traced.attention.get(1).get(0)));

    let streams = traced.residual.narrow(0, 0, 2).narrow(2, 0, 4);
    println!(
        "the residual stream before block 1 and before block 2, four channels of each position"
    );
    println!("{}", show::tensor(&streams));

    println!(
        "the likeliest token after each position: at the embedding, after block 1, after block 2"
    );
    println!("{}", show::tensor(&traced.lens_ids.select(-1, 0)));
    println!("its probability\n{}", show::tensor(&traced.lens_probabilities.select(-1, 0)));
    Ok(())
}

fn words(size: &[i64]) -> String {
    size.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
