//! A small model trained on a short story until it knows it by heart (chapter 4.4); draws
//! `chapters/figures/tiny-training.svg` and `chapters/figures/learning-rate.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use embedding::{
    bpe::BytePairEncoder,
    loader::Loader,
    support::{generators::Libtorch, texts},
    windows::Windows,
};
use figure::{BLUE, Svg};
use model::{config::Gpt2Config, generate::greedy, gpt2::Gpt2};
use tch::Device;
use train::{
    adamw::{AdamW, AdamWSettings},
    loss::mean_batch_loss,
    run::plot::Curves,
    schedule::Schedule,
    split::split_by_characters,
    step::{Batch, train_step},
};

const CONFIG: Gpt2Config = Gpt2Config {
    vocab_size: 512,
    context: 64,
    channels: 64,
    heads: 2,
    layers: 2,
    hidden: 4 * 64,
    qkv_bias: false,
    tied: false,
    ..Gpt2Config::SMALL
};
const EPOCHS: usize = 20;
const BATCH_SIZE: usize = 4;
const PROMPT: &str = "Once there was a very small";

fn main() -> Result<()> {
    tch::set_num_threads(1);
    // The story's lines end where the page does; for the model it is one long line.
    let text = texts::STORY.split_whitespace().collect::<Vec<_>>().join(" ");
    let encoder = BytePairEncoder::train(&text, 256);
    let (training, validation) = split_by_characters(&text, 0.9);
    let [training, validation] = [training, validation].map(|part| encoder.encode(part));
    println!("text data/story.txt");
    println!("tokens for training {} for validation {}", training.len(), validation.len());
    let context = CONFIG.context as usize;
    let training = Windows::new(training, context, context)?;
    let validation = Windows::new(validation, context, context)?;
    println!("windows for training {} for validation {}", training.len(), validation.len());

    tch::manual_seed(123);
    let model = Gpt2::new(CONFIG, Device::Cpu)?;
    let loader = Loader::new(training.len(), BATCH_SIZE, true, true)?;
    let total_steps = EPOCHS * loader.batches();
    println!("parameters {} steps {total_steps}", CONFIG.parameters());
    let schedule =
        Schedule { learning_rate: 6e-3, min_learning_rate: 6e-4, warmup_steps: 12, total_steps };

    let mut curves = Curves { epochs: EPOCHS as f64, ..Curves::default() };
    learn(&model, &training, &loader, schedule, |epoch, step| {
        let (training_loss, validation_loss) =
            (measure(&model, &training)?, measure(&model, &validation)?);
        let tokens = step * BATCH_SIZE * context;
        println!(
            "epoch {epoch} tokens {tokens} training {training_loss:.4} validation {validation_loss:.4}"
        );
        if epoch > 0 {
            println!("  {}", encoder.decode(&greedy(&model, &encoder.encode(PROMPT), 24))?);
        }
        curves.training.push((tokens as f64, training_loss));
        curves.validation.push((tokens as f64, validation_loss));
        Ok(())
    })?;
    sum_up(&curves);
    figure::write("tiny-training", &curves.svg("The loss of a small model on a short story")?)?;
    draw_schedule(schedule)
}

/// Trains for all epochs, and calls `report` with the epoch and the steps taken: before the first and after each.
fn learn(
    model: &Gpt2,
    windows: &Windows,
    loader: &Loader,
    schedule: Schedule,
    mut report: impl FnMut(usize, usize) -> Result<()>,
) -> Result<()> {
    let mut optimizer = AdamW::new(model.parameters(), AdamWSettings::default());
    let mut step = 0;
    report(0, step)?;
    for epoch in 1..=EPOCHS {
        for batch in loader.pass(Libtorch) {
            let (inputs, targets) = windows.batch(&batch); // [B, T], [B, T]
            let batch = Batch::new(inputs, targets);
            train_step(model, &mut optimizer, &[batch], schedule.at(step), f64::INFINITY)?;
            step += 1;
        }
        report(epoch, step)?;
    }
    Ok(())
}

/// The mean loss of all windows in order, dropout off.
fn measure(model: &Gpt2, windows: &Windows) -> Result<f64> {
    let loader = Loader::new(windows.len(), BATCH_SIZE, false, false)?;
    mean_batch_loss(model, loader.pass(Libtorch).map(|batch| windows.batch(&batch)))
}

fn sum_up(curves: &Curves) {
    let loss = |curve: &[(f64, f64)], epoch: usize| curve[epoch].1;
    let better = |a: &usize, b: &usize| {
        loss(&curves.validation, *a).total_cmp(&loss(&curves.validation, *b))
    };
    let best = (0..=EPOCHS).min_by(better).expect("there is a measurement");
    let lowest = loss(&curves.validation, best);
    println!("training loss below 0.5: {}", loss(&curves.training, EPOCHS) < 0.5);
    println!("validation loss is lowest after epoch {best} {lowest:.4}");
    println!(
        "and higher by half a nat at the end: {}",
        loss(&curves.validation, EPOCHS) > lowest + 0.5
    );
}

/// The learning rate of each step.
fn draw_schedule(schedule: Schedule) -> Result<()> {
    const LEFT: f64 = 70.0;
    const BOTTOM: f64 = 220.0;
    const WIDTH: f64 = 520.0;
    const UNIT: f64 = 28_000.0; // the height of a rate of 1
    let place = |step: usize, rate: f64| {
        (LEFT + WIDTH * step as f64 / schedule.total_steps as f64, BOTTOM - UNIT * rate)
    };
    let (highest, last) = (schedule.warmup_steps - 1, schedule.total_steps - 1);
    let mut svg = Svg::new(
        (620.0, 280.0),
        "The learning rate rises in 12 steps and falls along half a cosine",
        &format!(
            "A curve over {} steps: {:.4} at step 0, straight up to {:.4} at step {highest}, {:.4} at step {}, halfway down, and \
             {:.4} at step {last}.",
            schedule.total_steps,
            schedule.at(0),
            schedule.at(highest),
            schedule.at(usize::midpoint(highest, last)),
            usize::midpoint(highest, last),
            schedule.at(last),
        ),
    );
    svg.text((8.0, 20.0), "start", "learning rate");
    for thousandths in (0..=6).step_by(2) {
        let (x, y) = place(0, f64::from(thousandths) / 1000.0);
        svg.line((x, y), (x + WIDTH, y), if thousandths == 0 { 1.0 } else { 0.3 });
        svg.text((x - 8.0, y + 4.5), "end", &format!("{:.3}", f64::from(thousandths) / 1000.0));
    }
    for step in (0..=schedule.total_steps).step_by(20) {
        let (x, y) = place(step, 0.0);
        svg.line((x, y), (x, y + 5.0), 1.0);
        svg.text((x, y + 20.0), "middle", &step.to_string());
    }
    svg.text((LEFT + WIDTH / 2.0, BOTTOM + 44.0), "middle", "step");
    let points: Vec<_> =
        (0..schedule.total_steps).map(|step| place(step, schedule.at(step))).collect();
    svg.curve(&points, BLUE);
    svg.write("learning-rate")
}
