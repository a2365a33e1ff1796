//! What a reader writes is what runs: a small model that is trained, taught to answer and asked something stops in every function
//! that is still to be written, but for those that their exercise lists as off the path.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use fs_err as fs;
use tempfile::TempDir;

use super::schemata;
use crate::learn::exercises::{Book, Exercise};
use crate::learn::programs::{Ended, LIMIT, run, target};
use crate::run::{capture, cargo};

/// Two steps with all that a run does; some instructions, and some words of an answer; and a text with all kinds of chance. Dropout
/// has the weights of attention spelled out.
const RUNS: [(&str, &str); 3] = [
    (
        "train",
        "--path lesson --threads 1 --model config.json --text story.txt --vocab-size 300 --context 64 --dropout 0.1 \
         --batch-size 2 --max-steps 2 --eval-batches 2 --out-dir trained --force",
    ),
    (
        "finetune",
        "--path lesson --threads 1 --weights FIRST/trained --sample 40 --epochs 1 --max-new-tokens 4 --out-dir tuned --force",
    ),
    (
        "finetune",
        "complete --path lesson --threads 1 --weights FIRST/tuned --prompt Once --temperature 0.8 --top-k 5 --top-p 0.9 \
         --stop xyz --max-new-tokens 4",
    ),
];
const CONFIG: &str =
    r#"{"vocab_size": 300, "n_positions": 256, "n_embd": 8, "n_head": 2, "n_layer": 1}"#;

/// The commands of a copy of the workspace in which variables choose solutions.
pub struct Road<'a> {
    book: &'a Book,
    programs: PathBuf,
    /// What the runs leave where everything is written, for each later run to begin with.
    first: TempDir,
}

impl<'a> Road<'a> {
    /// Builds the commands and runs them once with everything written.
    pub fn new(project: &Path, folder: &Path, book: &'a Book) -> Result<Self> {
        let mut build = cargo(folder);
        build.args(["build", "--offline", "--quiet", "-p", "train", "-p", "finetune", "--bins"]);
        let built = capture(build.env("CARGO_TARGET_DIR", target(folder)))?;
        ensure!(built.failure.is_none(), "the commands do not compile:\n{}", built.stderr);
        let first = furnished(project)?;
        let road = Self { book, programs: target(folder).join("debug"), first };
        for (place, (program, arguments)) in RUNS.iter().enumerate() {
            let ended = road.run(place, road.first.path(), None)?;
            let well = ended.failure.is_none();
            ensure!(well, "{program} {arguments}:\n{}{}", ended.stdout, ended.stderr);
        }
        Ok(road)
    }

    /// The functions of an exercise about which its list is wrong.
    pub fn check(&self, project: &Path, exercise: &Exercise) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        for (place, item) in exercise.items.iter().enumerate() {
            let is_off = exercise.off_path.contains(&item.name);
            match (self.stops_in(project, exercise, place)?, is_off) {
                (false, false) => findings.push(format!(
                    "no run stops in {}: the reader's text is not what runs; off_path may list it",
                    item.name
                )),
                (true, true) => {
                    findings
                        .push(format!("{} is on the path, though off_path lists it", item.name));
                }
                _ => {}
            }
        }
        Ok(findings)
    }

    /// Whether one of the runs meets the hole in an exercise's function of this place.
    fn stops_in(&self, project: &Path, exercise: &Exercise, place: usize) -> Result<bool> {
        let here = furnished(project)?;
        let hole = format!("not yet implemented: {}:", exercise.id);
        for number in 0..RUNS.len() {
            let ended = self.run(number, here.path(), Some((exercise, place)))?;
            if ended.stderr.contains(&hole) || ended.stdout.contains(&hole) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn run(&self, number: usize, here: &Path, hole: Option<(&Exercise, usize)>) -> Result<Ended> {
        let (program, arguments) = RUNS[number];
        let arguments = arguments.replace("FIRST", &self.first.path().to_string_lossy());
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(here).args(arguments.split_whitespace());
        command.env("HF_HUB_OFFLINE", "1").env("OLLAMA_HOST", "127.0.0.1:1");
        // What our text leaves to libtorch, a reader writes.
        for exercise in self.book.exercises() {
            if let Some(place) = exercise.by_hand() {
                command.env(schemata::variable(exercise), schemata::right(place));
            }
        }
        if let Some((exercise, place)) = hole {
            command.env(schemata::variable(exercise), schemata::hole_in(place));
        }
        run(&mut command, LIMIT)
    }
}

/// A folder with what the first run needs.
fn furnished(project: &Path) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("config.json"), CONFIG)?;
    fs::copy(project.join("data/story.txt"), folder.path().join("story.txt"))?;
    Ok(folder)
}
