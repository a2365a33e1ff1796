//! A GPT-2 whose blocks do nothing yet: ids in, scores for the next token out (chapter 3.1).

use attention::linear::Linear;
use embedding::{bpe::BytePairEncoder, embed::InputEmbedding, support::show};
use model::config::Gpt2Config;
use tch::{Device, Tensor, nn::VarStore};

/// The two ends of the model, with nothing between them.
struct Skeleton {
    embed: InputEmbedding,
    head: Linear, // weight [V, C]
    dropout: f64,
}

impl Skeleton {
    fn new(config: &Gpt2Config) -> Self {
        let store = VarStore::new(Device::Cpu);
        let root = store.root();
        Self {
            embed: InputEmbedding::new(&root, config.vocab_size, config.context, config.channels),
            head: Linear::new(&(&root / "head"), config.channels, config.vocab_size, false),
            dropout: config.dropout,
        }
    }

    fn forward(&self, ids: &Tensor, train: bool) -> Tensor {
        let x = self.embed.forward(ids, 0).dropout(self.dropout, train); // [B, T, C]
        // Here the blocks and the final norm will stand.
        self.head.forward(&x) // [B, T, V]
    }
}

fn main() {
    tch::set_num_threads(1);
    let _guard = tch::no_grad_guard();
    let texts = ["Once upon a time there", "were four little Rabbits"];
    let rows = texts.map(|text| BytePairEncoder::gpt2().encode(text));
    let ids = Tensor::from_slice2(&rows); // [B, T]
    println!("batch of token ids\n{}", show::tensor(&ids));

    tch::manual_seed(123);
    let skeleton = Skeleton::new(&Gpt2Config::ARTICLE);
    let logits = skeleton.forward(&ids, true); // [B, T, V]
    let [b, t, v] = logits.size()[..] else {
        unreachable!("a score for each entry at each position")
    };
    println!("logits with dropout on, shape {b} {t} {v}\n{}", show::tensor(&logits));
    println!("logits with dropout off\n{}", show::tensor(&skeleton.forward(&ids, false)));
}
