//! What weights in fewer bits cost a model that has learned something.

mod small;

use embedding::{support::texts, windows::Windows};
use model::{
    config::Gpt2Config,
    fast::decode::{Decoder, Dtype},
    generate::TokenScorer,
    gpt2::Gpt2,
};
use small::{alone, settings};
use tch::{Device, Kind, Tensor};
use train::{
    settings::{Length, TrainSettings},
    trainer::Trainer,
};

/// The mean loss of each byte of a text given those before it, in windows of the whole context, read one by one.
fn loss_nats(model: &Gpt2, text: &[i64], dtype: Dtype) -> f64 {
    let mut decoder = Decoder::new(model, dtype, 2).expect("a decoder");
    let (mut sum, mut count) = (0.0, 0);
    for window in text.chunks_exact(model.config.context as usize) {
        decoder.clear();
        for pair in window.windows(2) {
            let scores = decoder.read(&pair[..1]); // [V]
            sum -= scores.log_softmax(-1, Kind::Double).double_value(&[pair[1]]);
            count += 1;
        }
    }
    sum / f64::from(count)
}

#[test]
fn eight_bits_change_the_perplexity_of_a_trained_model_by_less_than_half_a_percent() {
    let _alone = alone();
    let config = Gpt2Config {
        vocab_size: 256,
        context: 64,
        channels: 96,
        heads: 3,
        layers: 3,
        hidden: 384,
        dropout: 0.0,
        ..Gpt2Config::SMALL
    };
    tch::manual_seed(7);
    let model = Gpt2::new(config, Device::Cpu).expect("a possible model");
    model.initialize_as_gpt2();
    let bytes = |text: &str| text.bytes().map(i64::from).collect::<Vec<_>>();
    let training = Windows::new(bytes(texts::PROSE), 64, 16).expect("windows");
    let settings =
        TrainSettings { batch_size: 8, learning_rate: 3e-3, ..settings(Length::Steps(250)) };
    let mut trainer =
        Trainer::new(model, settings, Box::new(training), None, serde_json::Value::Null)
            .expect("a trainer");
    for _ in 0..250 {
        trainer.step().expect("a step");
    }

    let other = &bytes(texts::STORY)[..64 * 24];
    let plain = tch::no_grad(|| {
        let windows = Tensor::from_slice(other).view([-1, 64]); // [B, T]
        let scores = trainer.model.forward(&windows.narrow(1, 0, 63), false); // [B, T, V]
        let targets = windows.narrow(1, 1, 63).reshape([-1]);
        scores
            .view([-1, 256])
            .cross_entropy_loss::<Tensor>(&targets, None, tch::Reduction::Mean, -100, 0.0)
            .double_value(&[])
    });
    // Guessing each letter by its frequency gives 3.13; measured after training: 2.69.
    assert!(plain < 2.8, "the model has learned too little: {plain}");
    for (dtype, percent) in [(Dtype::F32, 0.001), (Dtype::Bf16, 0.2), (Dtype::Int8, 0.5)] {
        let change = 100.0 * ((loss_nats(&trainer.model, other, dtype) - plain).exp() - 1.0).abs();
        println!("{dtype}: perplexity {:.4}, changed by {change:.4} %", plain.exp());
        assert!(change < percent, "{dtype}: perplexity changes by {change} %");
    }
}
