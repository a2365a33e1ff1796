//! `bench`: ours and its peers on the same machine, taking turns.

mod compare;
mod contender;
mod groups;
mod page;
mod provide;
pub mod statistics;

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::available_parallelism;

use anyhow::{Result, ensure};
use clap::Args;
use clap::builder::PossibleValuesParser;
use fs_err as fs;
use xtask::{memory, setup};

use crate::machine::{processor_with_instructions, said};
use crate::python::Build;
use compare::Outcome;
use groups::{Case, GROUPS, Setting};

const PAGE: &str = "BENCHMARKS.md";

/// What is to be measured, and how.
#[derive(Args)]
pub struct Options {
    /// What is compared [default: all of them]
    #[arg(value_parser = PossibleValuesParser::new(GROUPS))]
    group: Option<String>,
    /// Only the comparisons whose name in BENCHMARKS.md begins so, such as train-2x256
    #[arg(long, value_name = "NAME", default_value = "")]
    only: String,
    /// Counted repetitions of each contender
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Threads of each contender [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// How cost grows with context, batch and prompt, instead of the standard shapes
    #[arg(long)]
    grow: bool,
    /// The size of the model: gpt2 or gpt2-medium
    #[arg(long, value_name = "NAME", default_value = "gpt2")]
    size: String,
    /// Build llama.cpp first, some minutes, if it is not there yet
    #[arg(long)]
    with_llama_cpp: bool,
    /// Print the tables and leave BENCHMARKS.md as it is
    #[arg(long)]
    no_record: bool,
    #[command(flatten)]
    build: Build,
}

/// Runs the comparisons, prints their tables and writes them down.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    ensure!(options.rounds >= 1, "rounds is 0; at least one repetition must count");
    let names: Vec<&str> = options.group.as_deref().map_or(GROUPS.to_vec(), |group| vec![group]);
    setup::ensure(root)?;
    let ours = provide::ours(root)?;
    let python = provide::python(root, options.build)?;
    let model = provide::model(root, &python, &options.size)?;
    if options.with_llama_cpp {
        provide::llama_cpp(root, &python, &model)?;
    }
    let cores = available_parallelism().map_or(1, usize::from);
    let threads = options.threads.unwrap_or(cores);
    let scale = fs::metadata(model.join("model.safetensors"))?.len() as f64 / 498e6;
    let setting = Setting { root, ours: &ours, python: &python, model: &model, threads, scale };
    let mut failed = Vec::new();
    for group in names {
        for case in groups::cases(&setting, group, options.grow)? {
            let prefix = if options.size == "gpt2" { "" } else { &format!("{}-", options.size) };
            let key = format!("{prefix}{}", case.key);
            if !key.starts_with(&options.only) {
                continue;
            }
            eprintln!("measuring {key}: {} rounds", options.rounds);
            if let Err(error) = measure(root, case, &key, options, threads) {
                println!("{key}: {error:#}\n");
                failed.push(key);
            }
        }
    }
    ensure!(failed.is_empty(), "ours did not run in: {}", failed.join(", "));
    Ok(())
}

fn measure(root: &Path, mut case: Case, key: &str, how: &Options, threads: usize) -> Result<()> {
    let outcome = compare::compare(&mut case.ours, case.peers, how.rounds, free_gb())?;
    let table = page::table(&outcome, case.unit);
    println!("{} ({key})\n\n{table}", case.title);
    if how.no_record {
        return Ok(());
    }
    let date = said(root, "date", &["-u", "+%Y-%m-%d"]);
    let processor = processor_with_instructions();
    let circumstances = circumstances(&outcome, how.rounds, threads);
    let block =
        format!("### {key}\n\n{}; {date}, {processor}, {circumstances}.\n\n{table}", case.title);
    let row = page::row(&processor, key, &outcome, case.unit, &date);
    let path = root.join(PAGE);
    let page = fs::read_to_string(&path)?;
    Ok(fs::write(&path, page::record(&page, key, &block, &row))?)
}

/// On how many cores and with what it was measured.
fn circumstances(outcome: &Outcome, rounds: usize, threads: usize) -> String {
    let cores = available_parallelism().map_or(1, usize::from);
    let versions: BTreeMap<_, _> = outcome.rows.iter().flat_map(|row| &row.versions).collect();
    let versions: Vec<String> =
        versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    format!("{cores} cores, {threads} threads, {rounds} rounds, {}", versions.join(", "))
}

/// Memory that can be had without swapping; endless where the system does not tell.
fn free_gb() -> f64 {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    memory::bytes(&meminfo, "MemAvailable").map_or(f64::INFINITY, |bytes| bytes as f64 / 1e9)
}
