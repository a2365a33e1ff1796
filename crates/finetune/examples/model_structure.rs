//! Every parameter of the 124M model beside its place in the public file, and what happens to it on the way (chapter 5.1).

use model::{
    config::Gpt2Config,
    format::{Origin, origins},
};

fn main() {
    let config = Gpt2Config::SMALL;
    println!("our parameter, its shape; the public tensor, its shape; what happens on the way");
    let origins = origins(&config);
    for origin in &origins {
        println!(
            "{} {} from {} {} {}",
            origin.ours,
            sizes(&origin.shape),
            origin.public,
            sizes(&origin.public_shape()),
            on_the_way(origin, config.channels)
        );
    }
    println!("the output head reads token.weight: tied, and not stored");
    let parameters: i64 = origins.iter().map(|origin| origin.shape.iter().product::<i64>()).sum();
    println!("{} parameters in {} tensors of ours", parameters, origins.len());
}

/// What happens to the public tensor before it is ours.
fn on_the_way(origin: &Origin, c: i64) -> String {
    let mut steps = Vec::new();
    if let Some(third) = origin.third {
        steps.push(format!("columns {} to {}", third * c, (third + 1) * c - 1));
    }
    if origin.transposed {
        steps.push("transposed".to_owned());
    }
    if steps.is_empty() { "as it is".to_owned() } else { steps.join(", ") }
}

/// A shape as one word, such as `768x2304`.
fn sizes(shape: &[i64]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}
