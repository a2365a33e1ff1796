//! `record`: real runs of the commands, written down as the chapters show them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use serde::Deserialize;
use xtask::{datasets, memory, setup};

use crate::curves;
use crate::machine::{commit, processor};
use crate::results;
use crate::run::build;

const FOLDER: &str = "chapters/runs";

/// One entry of `recordings.toml`; its keys are explained there.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Recording {
    needs: Vec<String>,
    after: Option<String>,
    commands: Vec<String>,
    typed: Vec<String>,
    seeds: u32,
    left_out: Vec<String>,
    figure: Option<PathBuf>,
    results: bool,
    title: Option<String>,
    curves: Vec<(String, PathBuf)>,
}

/// One start of a program.
#[derive(Debug, PartialEq)]
struct Start {
    /// What tells it from the others of its recording: its command after a `$`, its seed, or what it reads.
    shown: String,
    words: Vec<String>,
    typed: String,
}

/// Runs what `recordings.toml` says under a name, and writes what was printed.
pub fn run(root: &Path, name: &str) -> Result<()> {
    setup::ensure(root)?;
    let recordings = read(root)?;
    let names = recordings.keys().cloned().collect::<Vec<_>>().join(", ");
    let recording = recordings.get(name);
    let recording =
        recording.with_context(|| format!("no recording is called {name}; there are {names}"))?;
    for dataset in &recording.needs {
        let is_here = datasets::path(root, dataset)?.is_some();
        ensure!(is_here, "{name} needs {dataset}; get it by: cargo xtask fetch {dataset}");
    }
    let folder = folder(root, name, recording)?;
    let programs = build(root, "bin", &["--bins"])?;
    let starts = starts(recording)?;
    let mut text = header(root, name, &starts); // before hours in which the project may change
    for start in &starts {
        let (program, arguments) = start.words.split_first().context("a command is empty")?;
        let path = programs.iter().find(|(built, _)| built == program);
        let (_, path) = path.with_context(|| format!("no program is called {program}"))?;
        let ran = execute(Command::new(path).args(arguments).current_dir(&folder), &start.typed)
            .with_context(|| start.words.join(" "))?;
        let is_in_header = starts.len() == 1 && start.shown.starts_with('$');
        if !is_in_header {
            text += &above(&start.shown, &ran);
        }
        text += &kept(&ran.stdout, &recording.left_out);
    }
    fs::write(root.join(FOLDER).join(name).with_extension("out"), &text)?;
    draw(root, name, recording, &folder, &text)?;
    println!("{FOLDER}/{name}.out");
    Ok(())
}

/// Makes the recording's figure, if it has one: the run's own plot, or one of its transcript or its metrics.
fn draw(root: &Path, name: &str, recording: &Recording, folder: &Path, text: &str) -> Result<()> {
    let plot = root.join(format!("chapters/figures/run-{name}.svg"));
    if recording.results {
        fs::write(&plot, results::figure(text)?)?;
    }
    if let Some(title) = &recording.title {
        let metrics = |(name, run): &(String, PathBuf)| -> Result<_> {
            Ok((name.clone(), fs::read_to_string(folder.join(run).join("metrics.jsonl"))?))
        };
        let runs: Vec<_> = recording.curves.iter().map(metrics).collect::<Result<_>>()?;
        fs::write(&plot, curves::figure(title, &runs)?)?;
    }
    if let Some(figure) = &recording.figure {
        fs::copy(folder.join(figure), plot)?;
    }
    Ok(())
}

/// Where it was made, and the command that makes it again.
fn header(root: &Path, name: &str, starts: &[Start]) -> String {
    let record = format!("cargo xtask record {name}");
    let command = match starts {
        [start] => start.shown.strip_prefix("$ ").unwrap_or(&record),
        _ => &record,
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (commit, processor) = (commit(root), processor());
    format!(
        "# from this repository at {commit}, on {cores} cores of {processor}\n# command {command}\n"
    )
}

fn read(root: &Path) -> Result<BTreeMap<String, Recording>> {
    let path = root.join(FOLDER).join("recordings.toml");
    toml::from_str(&fs::read_to_string(&path)?).with_context(|| path.display().to_string())
}

/// Where a recording's commands run.
fn folder(root: &Path, name: &str, recording: &Recording) -> Result<PathBuf> {
    let recordings = root.join("target/record");
    if let Some(after) = &recording.after {
        let folder = recordings.join(after);
        ensure!(folder.is_dir(), "{name} goes on from another; first: cargo xtask record {after}");
        return Ok(folder);
    }
    let folder = recordings.join(name);
    if folder.is_dir() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn starts(recording: &Recording) -> Result<Vec<Start>> {
    let (last, first) = recording.commands.split_last().context("it has no command")?;
    let start = |shown: String, command: &str, typed: &str| -> Result<Start> {
        Ok(Start { shown, words: words(command)?, typed: typed.to_owned() })
    };
    let plain = |command: &String| {
        let (program, arguments) = command.split_once(' ').unwrap_or((command, ""));
        start(format!("$ cargo run -p {program} -- {arguments}"), command, "")
    };
    let mut starts: Vec<Start> = first.iter().map(plain).collect::<Result<_>>()?;
    for typed in &recording.typed {
        starts.push(start(format!("> {typed}"), last, typed)?);
    }
    for seed in 1..=recording.seeds {
        starts.push(start(format!("--- seed {seed}"), &format!("{last} --seed {seed}"), "")?);
    }
    if recording.typed.is_empty() && recording.seeds == 0 {
        starts.push(plain(last)?);
    }
    Ok(starts)
}

fn words(command: &str) -> Result<Vec<String>> {
    shlex::split(command).with_context(|| format!("a quote is open in: {command}"))
}

/// What a program printed, and what it took.
struct Ran {
    stdout: String,
    seconds: f64,
    bytes: u64,
}

/// Runs a program to its end. Its error stream, where progress is shown, stays on the terminal.
fn execute(command: &mut Command, typed: &str) -> Result<Ran> {
    let started = Instant::now();
    // Files and no pipes: a program that never reads, or ends early, breaks none.
    let (input, output) = (tempfile::NamedTempFile::new()?, tempfile::NamedTempFile::new()?);
    fs::write(input.path(), format!("{typed}\n"))?;
    let mut child =
        command.stdin(File::open(input.path())?).stdout(File::create(output.path())?).spawn()?;
    let bytes = watch(&mut child)?;
    let status = child.wait()?;
    ensure!(status.success(), "ended with {status}");
    let stdout = fs::read_to_string(output.path())?;
    Ok(Ran { stdout, seconds: started.elapsed().as_secs_f64(), bytes })
}

/// The most memory that a program had before it ended; 0 where the system does not tell.
fn watch(child: &mut Child) -> Result<u64> {
    let account = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait()?.is_none() {
        let status = fs::read_to_string(&account).unwrap_or_default();
        most = most.max(memory::bytes(&status, "VmHWM").unwrap_or(0));
        thread::sleep(Duration::from_millis(50));
    }
    Ok(most)
}

/// The line above an output; that of a command with what it took.
fn above(shown: &str, ran: &Ran) -> String {
    if !shown.starts_with('$') {
        return format!("{shown}\n");
    }
    format!("{shown}   ({:.0} s, at most {:.1} GB)\n", ran.seconds, ran.bytes as f64 / 1e9)
}

/// The lines that do not begin with what is left out.
fn kept(output: &str, left_out: &[String]) -> String {
    let stays = |line: &&str| !left_out.iter().any(|begin| line.starts_with(begin));
    output.lines().filter(stays).fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_of_the_project_can_be_read_and_is_a_command_of_it() {
        for (name, recording) in read(&xtask::project_root()).expect("recordings") {
            for start in starts(&recording).expect("commands") {
                assert!(["train", "finetune"].contains(&&*start.words[0]), "{name}: {start:?}");
            }
            for dataset in &recording.needs {
                datasets::find(dataset).expect("a dataset");
            }
        }
    }

    #[test]
    fn the_last_command_is_repeated_for_each_seed_and_each_typed_line() {
        let recording = |text: &str| toml::from_str::<Recording>(text).expect("a recording");
        let commands = "commands = ['train --plot', \"finetune complete --prompt 'One day,'\"]\n";
        let seeds = starts(&recording(&format!("{commands}seeds = 2"))).expect("starts");
        assert_eq!(seeds[0].shown, "$ cargo run -p train -- --plot");
        assert_eq!(seeds[2].words[1..], ["complete", "--prompt", "One day,", "--seed", "2"]);
        assert_eq!(seeds.len(), 3);
        let typed = starts(&recording(&format!("{commands}typed = ['a', 'b']"))).expect("starts");
        assert_eq!((&*typed[2].shown, &*typed[2].typed), ("> b", "b"));
        assert_eq!(starts(&recording(commands)).expect("starts").len(), 2);
    }

    #[test]
    fn a_program_reads_what_is_typed_and_its_failure_is_told() {
        let ran = execute(&mut Command::new("cat"), "hello").expect("it runs");
        assert_eq!(ran.stdout, "hello\n");
        let failed = execute(&mut Command::new("false"), "").map(|ran| ran.stdout);
        assert!(format!("{:#}", failed.expect_err("it fails")).contains("exit status: 1"));
    }

    #[test]
    fn lines_that_are_left_out_and_quotes_that_stay_open_are_told_apart() {
        assert_eq!(kept("time 3\nloss 1\n", &["time ".to_owned()]), "loss 1\n");
        assert!(words("finetune --prompt 'One").is_err());
    }
}
