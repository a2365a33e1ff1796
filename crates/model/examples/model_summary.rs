//! Where the parameters of GPT-2 are, and how many its four sizes have (chapter 3.6).

use model::{
    config::Gpt2Config,
    format::PUBLISHED,
    gpt2::Gpt2,
    summary::{mebibytes, summary},
};
use tch::Device;

fn main() {
    let untied = Gpt2Config::ARTICLE;
    let tied = Gpt2Config { tied: true, ..untied };
    print!("{}", summary(&Gpt2::new(untied, Device::Cpu).expect("possible sizes")));
    println!("untied: parameters {} mebibytes {:.2}", untied.parameters(), mebibytes(&untied));
    println!("tied: parameters {} mebibytes {:.2}", tied.parameters(), mebibytes(&tied));

    println!("as OpenAI published them, tied and with query, key and value biases:");
    for (name, config) in PUBLISHED {
        println!(
            "{name} layers {} channels {} heads {} parameters {} mebibytes {:.2}",
            config.layers,
            config.channels,
            config.heads,
            config.parameters(),
            mebibytes(&config)
        );
    }
}
