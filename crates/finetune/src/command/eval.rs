//! How well a model knows a text (chapter 4.1).

use super::{options::Eval, prepare, scorer};
use anyhow::{Context, Result, ensure};
use model::{fast::decode::Dtype, gpt2::Gpt2};
use tch::Kind;
use train::{
    evaluate::{bits_per_byte, sliding_loss, windows},
    run::{
        corpus,
        repository::is_published,
        terminal::{CountProgress, say},
        tokenizer::TextEncoder,
        weights::{self, Brought},
    },
};

/// What OpenAI published for its four sizes on wikitext-2: perplexities per word-level token, after undoing its tokenization.
///
/// # Source
/// Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", table 3.
const PUBLISHED: [(&str, f64); 4] =
    [("gpt2", 29.41), ("gpt2-medium", 22.76), ("gpt2-large", 19.93), ("gpt2-xl", 18.34)];

/// Measures a model on a text, and prints loss, perplexity and bits per byte.
pub fn eval(options: &Eval) -> Result<()> {
    let device = prepare(&options.common)?;
    let text = corpus::read_whole(&options.text)?;
    let name = weights::named_or_newest(options.weights.as_deref(), None);
    let Brought { model, tokenizer, .. } = weights::load(&name, device)?;
    let encoder = TextEncoder::new(tokenizer, options.common.path)?;
    let ids = encoder.encode(&text);
    let context = model.config.context as usize;
    let stride = options.stride.unwrap_or((context / 2).max(1));
    ensure!(
        ids.len() >= 2,
        "{} has {} tokens; two are needed to predict one",
        options.text,
        ids.len()
    );
    let count = windows(ids.len(), context, stride).len();
    say(&format!(
        "text            {}: {} bytes, {} tokens, in {count} windows of {context} that move on by {stride}",
        options.text,
        text.len(),
        ids.len()
    ));
    let mut progress = CountProgress::new("window", count);
    let loss = sliding_loss(&model, &ids, stride, || progress.add())?;
    drop(progress);
    let first = encoder.lesson().piece(ids[0]).context("its own id")?.len();
    let bytes_per_token = (text.len() - first) as f64 / (ids.len() - 1) as f64;
    let bits = bits_per_byte(loss, bytes_per_token);
    println!("loss        {loss:.4} nats a token");
    println!("perplexity  {:.3}", loss.exp());
    println!("bits        {bits:.4} a byte");
    if options.dtype != Dtype::F32 {
        let rounded = loss_in(options, &model, &ids, stride)?;
        let (of, change) = (options.dtype.to_string(), 100.0 * ((rounded - loss).exp() - 1.0));
        println!("in {of:<8} perplexity {:.3} ({change:+.3} %)", rounded.exp());
    }
    say_published(&name, &options.text);
    Ok(())
}

/// What OpenAI published for its weights, where the text is the one it measured on.
fn say_published(name: &str, text: &str) {
    let known = PUBLISHED.iter().find(|(known, _)| is_published(name) && name.ends_with(known));
    if let Some((_, published)) = known.filter(|_| text.contains("wikitext")) {
        println!(
            "published   perplexity {published} by OpenAI on wikitext-2, where a word counts and not a token: not the same measure"
        );
    }
}

/// The loss of the same ids in the same windows ([`sliding_loss`]) with weights in fewer bits, read as writing reads: what was counted
/// before is the prompt, and each id after it is read by itself. So both ways of a type take part.
fn loss_in(options: &Eval, model: &Gpt2, ids: &[i64], stride: usize) -> Result<f64> {
    let mut reader = scorer(model, options.dtype, &options.common)?;
    let windows = windows(ids.len(), model.config.context as usize, stride);
    let mut progress = CountProgress::new("window", windows.len());
    let mut sum = 0.0;
    for (begin, end, counted) in windows {
        progress.add();
        reader.clear();
        let mut logits = reader.read(&ids[begin..counted]); // [V]
        for at in counted..end {
            sum -= logits.log_softmax(-1, Kind::Double).double_value(&[ids[at]]);
            if at + 1 < end {
                logits = reader.read(&ids[at..=at]);
            }
        }
    }
    Ok(sum / (ids.len() - 1) as f64)
}
