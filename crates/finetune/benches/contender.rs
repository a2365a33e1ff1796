//! Our side of `cargo xtask bench`: loads, prints one JSON line with its name and versions, answers each line `go` on standard input
//! with one repetition and one JSON line, and at the end of its input prints its peak memory. `BENCHMARKS.md` says what a repetition
//! is in each group.

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use embedding::{
    bpe::BytePairEncoder,
    fast::{FastEncoder, learn::learn_merges},
    loader::Loader,
    support::generators::Libtorch,
};
use finetune::{collate::InstructionSet, run::tasks};
use model::{
    config::Gpt2Config,
    fast::decode::{Decoder, Dtype},
    format,
    generate::{Generator, TokenScorer, most_probable},
    gpt2::Gpt2,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{self, BufRead, Read},
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};
use tch::{Device, Tensor};
use train::{
    command::take_path,
    examples::Examples,
    settings::{Length, Precision, TrainSettings},
    trainer::Trainer,
};
use xtask::memory;

/// Entries of the instruction data in a repetition, spread evenly over the file, and in a batch.
const ENTRIES: usize = 64;
const ENTRIES_PER_BATCH: usize = 8;

#[derive(Parser)]
struct Options {
    /// Empty where `cargo bench` starts it, which gives only `--bench`.
    group: Option<String>,
    #[arg(long, default_value = "")]
    style: String,
    #[arg(long, default_value_t = 2)]
    threads: i32,
    #[arg(long, default_value = ".bench/gpt2")]
    model: PathBuf,
    #[arg(long, default_value_t = Dtype::F32)]
    dtype: Dtype,
    #[arg(long, default_value_t = 2)]
    batch: usize,
    #[arg(long, default_value_t = 256)]
    context: usize,
    #[arg(long, default_value_t = 32)]
    prompt: usize,
    #[arg(long, default_value_t = 128)]
    new: usize,
    #[arg(long, default_value = "data/instructions.json")]
    data: PathBuf,
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if options.group.as_deref() != Some("load") {
        model::fast::cpu::allocator::keep(); // as the commands do; who starts one of them or only reads a file does not
        model::fast::cpu::allocator::in_large_pages();
    }
    tch::set_num_threads(options.threads);
    match options.group.as_deref() {
        Some("train") => train(&options),
        Some("finetune") => finetune(&options),
        Some("prefill") => prefill(&options),
        Some("decode") => decode(&options),
        Some("load") => load(&options),
        Some("tokenize") => tokenize(&options),
        Some("vocabulary") => vocabulary(&options),
        Some(other) => bail!("there is no group {other}"),
        None => {
            println!("this program is started by: cargo xtask bench");
            Ok(())
        }
    }
}

/// Introduces this contender, then does a repetition for each `go`.
fn serve(name: &str, mut repetition: impl FnMut() -> Result<Value>) -> Result<()> {
    let libtorch = train::checkpoint::libtorch_version();
    println!("{}", json!({ "contender": name, "versions": { "libtorch": libtorch } }));
    for line in io::stdin().lock().lines() {
        let line = line?;
        ensure!(line.trim() == "go", "the harness said {line:?}");
        println!("{}", repetition()?);
    }
    println!("{}", json!({ "peak_bytes": peak_bytes() }));
    Ok(())
}

fn measured(started: Instant, tokens: usize) -> Value {
    json!({ "seconds": started.elapsed().as_secs_f64(), "tokens": tokens })
}

/// The most memory that this process ever had, or 0 where the system does not tell.
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    memory::bytes(&status, "VmHWM").unwrap_or(0)
}

/// The same ids for every contender, spread over the vocabulary.
fn ids(count: usize, vocab_size: i64) -> Vec<i64> {
    (0..count as i64).map(|i| (7919 * i + 17) % vocab_size).collect()
}

/// A single batch, given again and again.
struct OneBatch {
    rows: Vec<i64>,
    batch: usize,
    context: usize,
}

impl Examples for OneBatch {
    fn len(&self) -> usize {
        self.batch
    }

    fn batch(&self, items: &[usize]) -> (Tensor, Tensor) {
        let items: Vec<i64> = items.iter().map(|&item| item as i64).collect();
        let rows =
            Tensor::from_slice(&self.rows).view([self.batch as i64, self.context as i64 + 1]);
        let rows = rows.index_select(0, &Tensor::from_slice(&items));
        let t = self.context as i64;
        (rows.narrow(1, 0, t).contiguous(), rows.narrow(1, 1, t).contiguous())
    }

    fn pass(&self, batch_size: usize) -> Result<Vec<Vec<usize>>> {
        Ok(Loader::new(self.batch, batch_size, false, true)?.pass(Libtorch).collect())
    }
}

/// A trainer as the commands make it, without dropout and by the path that they take, with a learning rate that stays.
fn trainer(
    options: &Options,
    examples: impl Examples + 'static,
    batch_size: usize,
    rate: f64,
) -> Result<Trainer> {
    let precision = match options.dtype {
        Dtype::F32 => Precision::F32,
        Dtype::Bf16 => Precision::Bf16,
        Dtype::Int8 => bail!("no training is in int8"),
    };
    let Gpt2 { config, store, .. } = format::load(&options.model, Device::Cpu)?;
    let model = Gpt2::with_parameters(Gpt2Config { dropout: 0.0, ..config }, store)?;
    let settings = TrainSettings {
        batch_size,
        length: Length::Steps(1_000_000),
        learning_rate: rate,
        min_lr: rate,
        warmup_steps: 0,
        precision,
        ..TrainSettings::default()
    };
    let mut trainer = Trainer::new(model, settings, Box::new(examples), None, Value::Null)?;
    take_path(&mut trainer, None)?;
    Ok(trainer)
}

fn train(options: &Options) -> Result<()> {
    let &Options { batch, context, .. } = options;
    let vocab_size = format::load_config(&options.model.join("config.json"))?.vocab_size;
    let rows = ids(batch * (context + 1), vocab_size);
    let examples = OneBatch { rows, batch, context };
    let mut trainer = trainer(options, examples, batch, 1e-4)?;
    serve(&format!("ours {}", options.dtype), || {
        let started = Instant::now();
        let step = trainer.step()?.context("every batch has targets")?;
        let mut measured = measured(started, batch * context);
        measured["loss"] = step.loss.into();
        Ok(measured)
    })
}

fn finetune(options: &Options) -> Result<()> {
    let all = tasks::load(&options.data)?;
    ensure!(all.len() >= ENTRIES, "{} entries are too few", all.len());
    let entries: Vec<_> = (0..ENTRIES).map(|i| all[i * all.len() / ENTRIES].clone()).collect();
    let examples =
        InstructionSet::new(&entries, BytePairEncoder::gpt2(), 1024, false)?.in_similar_lengths();
    let mut trainer = trainer(options, examples, ENTRIES_PER_BATCH, 5e-5)?;
    serve(&format!("ours {}", options.dtype), || {
        let started = Instant::now();
        let mut losses = 0.0;
        for _ in 0..ENTRIES / ENTRIES_PER_BATCH {
            losses += trainer.step()?.context("every batch has targets")?.loss;
        }
        let mut measured = measured(started, ENTRIES);
        measured["loss"] = (losses * ENTRIES_PER_BATCH as f64 / ENTRIES as f64).into();
        Ok(measured)
    })
}

fn prefill(options: &Options) -> Result<()> {
    let model = format::load(&options.model, Device::Cpu)?;
    let prompt = ids(options.prompt, model.config.vocab_size);
    let mut decoder = Decoder::new(&model, options.dtype, options.threads as usize)?;
    serve(&format!("ours {}", options.dtype), || {
        let started = Instant::now();
        decoder.clear();
        most_probable(&decoder.read(&prompt));
        Ok(measured(started, options.prompt))
    })
}

fn decode(options: &Options) -> Result<()> {
    let model = format::load(&options.model, Device::Cpu)?;
    let prompt = ids(options.prompt, model.config.vocab_size);
    let mut decoder = Decoder::new(&model, options.dtype, options.threads as usize)?;
    serve(&format!("ours {}", options.dtype), || {
        let mut writer = Generator::new(&mut decoder, &prompt, most_probable)?;
        writer.next().context("a writer never ends")?;
        let started = Instant::now();
        let written = writer.take(options.new).count();
        ensure!(written == options.new, "only {written} tokens came");
        Ok(measured(started, written))
    })
}

/// `start`: the whole command, until the first token comes out of it. `read`: the weight file brought into memory.
fn load(options: &Options) -> Result<()> {
    let style = options.style.as_str();
    let name = if style == "start" { "ours, one token" } else { "reading the file" };
    serve(name, || if style == "start" { first_token(options) } else { read_file(options) })
}

fn first_token(options: &Options) -> Result<Value> {
    const PROMPT: &str = "Every effort moves";
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_finetune"));
    command.args(["complete", "--prompt", PROMPT, "--max-new-tokens", "1", "--temperature", "0"]);
    command.args(["--threads", &options.threads.to_string(), "--weights"]).arg(&options.model);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut output = child.stdout.take().context("its output is piped")?; // held to the end, as finetune has more to say
    let mut written = [0; PROMPT.len() + 1]; // the prompt, and the beginning of what follows it
    output.read_exact(&mut written).context("finetune wrote no token")?;
    let measured = measured(started, 1);
    ensure!(child.wait()?.success(), "finetune failed");
    Ok(measured)
}

fn read_file(options: &Options) -> Result<Value> {
    let started = Instant::now();
    let bytes = fs::read(options.model.join("model.safetensors"))?;
    ensure!(bytes.len() > 1_000_000, "the file is too small");
    Ok(measured(started, 1))
}

fn tokenize(options: &Options) -> Result<()> {
    let bytes = fs::read(&options.data)?;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1_000_000)]).into_owned();
    let (ours, theirs) = (FastEncoder::gpt2(), tiktoken_rs::r50k_base_singleton());
    let is_ours = options.style == "ours";
    serve(if is_ours { "ours" } else { "tiktoken-rs" }, || {
        let started = Instant::now();
        let count =
            if is_ours { ours.encode(&text).len() } else { theirs.encode_ordinary(&text).len() };
        Ok(measured(started, count))
    })
}

fn vocabulary(options: &Options) -> Result<()> {
    const MERGES: usize = 4096 - 257; // beside the bytes and the end of a text
    let text = fs::read_to_string(&options.data)?;
    serve("ours", || {
        let started = Instant::now();
        let merges = learn_merges(&text, MERGES);
        ensure!(merges.len() == MERGES, "the text is too short");
        Ok(measured(started, 1))
    })
}
