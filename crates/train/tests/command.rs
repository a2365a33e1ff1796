//! The command `train` as its user meets it: what it writes, what it says, and how it ends.

use assert_cmd::Command;
use model::format;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command as Process, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const TRAIN: &str = env!("CARGO_BIN_EXE_train");
/// A model of GPT-2's vocabulary and nothing else of its size.
const CONFIG: &str =
    r#"{"vocab_size": 50257, "n_positions": 64, "n_embd": 8, "n_head": 2, "n_layer": 1}"#;

/// A folder with a configuration, a text of some thousand characters, and room for runs.
struct Room(TempDir);

impl Room {
    fn new() -> Self {
        let room = Self(tempfile::tempdir().expect("a folder"));
        fs::write(room.path("config.json"), CONFIG).expect("written");
        fs::write(room.path("text.txt"), embedding::support::texts::STORY).expect("written");
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command with the small model and text, ready to run in this folder; `words` are further arguments.
    fn train(&self, words: &str) -> Command {
        let mut command = self.bare(words);
        command.args([
            "--model",
            "config.json",
            "--text",
            "text.txt",
            "--context",
            "16",
            "--batch-size",
            "2",
        ]);
        command
    }

    fn bare(&self, words: &str) -> Command {
        let mut command = Command::new(TRAIN);
        command.current_dir(self.0.path()).args(["--threads", "1"]).args(words.split_whitespace());
        command
            .env_remove("HF_ENDPOINT")
            .env("HF_HUB_OFFLINE", "1")
            .env("HF_HUB_CACHE", self.path("no-cache"));
        command
    }
}

/// What the command writes to stderr when it refuses, which must be one line, and its exit code.
fn refusal(mut command: Command) -> (i32, String) {
    let output = command.output().expect("it runs");
    assert!(output.stdout.is_empty(), "a refused command prints no result");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    (output.status.code().expect("a code"), said.trim_end().to_owned())
}

#[track_caller]
fn refused(command: Command, expected: &str) {
    let (code, said) = refusal(command);
    assert_eq!(code, 1, "{said}");
    let said = said.lines().last().expect("a line").to_owned();
    assert!(said.starts_with(&format!("error: {expected}")), "{said}");
}

#[track_caller]
fn misused(command: Command, expected: &str) {
    let (code, said) = refusal(command);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_run_leaves_a_model_its_card_its_curve_its_samples_and_its_metrics() {
    let room = Room::new();
    let run = room
        .train("--max-steps 4 --sample-every 2 --out-dir run --prompt Rabbits --plot")
        .assert()
        .success();
    let printed = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    for word in [
        "trained     4 steps",
        "training    loss",
        "validation  loss",
        "sample      Rabbits",
        "wrote       run",
    ] {
        assert!(printed.contains(word), "{word} is missing in {printed}");
    }
    let place = |word: &str| printed.find(word).expect("it is printed");
    assert!(
        place("tokens, ") < place("\nnext  "),
        "the curve stands before what comes next: {printed}"
    );
    let said = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
    let samples = said.matches("Rabbits").count() + printed.matches("sample      Rabbits").count();
    assert_eq!(samples, 2, "no sample is printed twice: {said}{printed}");
    for word in ["batch_size 2", "learning_rate 0.0005", "seed 123", "step 4, epoch"] {
        assert!(said.contains(word), "{word} is missing in {said}");
    }
    assert!(!said.contains('\u{1b}'), "a pipe gets no control characters");
    let read = |name: &str| fs::read_to_string(room.path("run").join(name)).expect(name);
    assert!(read("README.md").contains("| learning_rate | 0.0005 |"));
    assert!(read("loss.svg").contains("tokens seen"));
    assert_eq!(read("samples.txt").matches("--- step").count(), 2);
    assert_eq!(read("metrics.jsonl").matches("gradient_norm").count(), 4);
    format::load(&room.path("run"), tch::Device::Cpu).expect("a model in the public format");
    assert!(
        read("vocab.json").contains("<|endoftext|>") && read("merges.txt").starts_with("#version")
    );
    assert!(read("tokenizer_config.json").contains("GPT2Tokenizer"));

    // The model can be taken back, and a finished run is not overwritten.
    room.bare(
        "--init run --text text.txt --context 16 --batch-size 2 --max-steps 1 --out-dir more",
    )
    .assert()
    .success();
    refused(
        room.train("--max-steps 4 --out-dir run"),
        "there is a run in run already; go on with it by --resume",
    );
    // Killed after its last step and before the model was written, a run still ends well.
    fs::remove_file(room.path("run/model.safetensors")).expect("removed");
    room.bare("--resume run").assert().success();
    assert!(room.path("run/model.safetensors").exists());
    room.bare("--resume run --max-steps 5").assert().success();
}

#[test]
fn where_nothing_is_asked_for_a_model_with_a_vocabulary_of_its_own_learns_to_tell_tales() {
    let room = Room::new();
    let run = room.bare("--max-steps 1 --eval-batches 1 --out-dir run").assert().success();
    let said = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
    for word in ["text            the embedded tales\n", "tokenizer       2,048 entries"] {
        assert!(said.contains(word), "{word} is missing in {said}");
    }
    let config = fs::read_to_string(room.path("run/config.json")).expect("sizes");
    assert!(config.contains("\"vocab_size\": 2048"), "{config}");
    assert!(room.path("run/report.md").exists() && room.path("run/merges.txt").exists());
}

#[test]
fn a_prompt_longer_than_the_context_is_told() {
    let room = Room::new();
    let said = |prompt: &str| {
        let run = room.train("--max-steps 1").args(["--prompt", prompt]).assert().success();
        String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8")
    };
    let told = said(&"word ".repeat(20));
    assert!(
        told.contains(
            "\nthe prompt has 21 tokens, the model sees 16: it reads only the last ones\n"
        ),
        "{told}"
    );
    assert!(!said("Rabbits").contains("the model sees"));
}

#[test]
fn metrics_as_json_are_all_that_stdout_gets() {
    let room = Room::new();
    let run = room.train("--max-steps 2 --out-dir run --log-json").assert().success();
    let printed = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    let lines = train::metrics::from_jsonl(&printed).expect("only lines of metrics");
    assert_eq!(lines.len(), 5, "two steps, two measurements, one sample: {printed}");
}

#[test]
fn runs_without_a_folder_of_their_own_get_numbers_and_the_newest_is_resumed() {
    let room = Room::new();
    room.train("--max-steps 2").assert().success();
    room.train("--max-steps 2 --seed 5").assert().success();
    assert!(
        room.path("runs/train/model.safetensors").exists()
            && room.path("runs/train-2/model.safetensors").exists()
    );
    room.bare("--resume --max-steps 3").assert().success();
    let steps = |run: &str| {
        fs::read_to_string(room.path(run).join("metrics.jsonl"))
            .expect("metrics")
            .matches("gradient")
            .count()
    };
    assert_eq!((steps("runs/train"), steps("runs/train-2")), (2, 3));
}

#[test]
fn a_signal_or_a_closed_terminal_saves_and_says_how_to_go_on_and_the_end_is_the_same() {
    let room = Room::new();
    let words = "--max-steps 60 --save-every 1000 --sample-every 1000 --eval-every 4 \
                 --eval-batches 2 --warmup-steps 2 --learning-rate 0.02";
    let weights = |run: &str| fs::read(room.path(run).join("model.safetensors")).expect("weights");
    room.train(words).args(["--out-dir", "whole"]).assert().success();
    for (signal, run) in [("-TERM", "halved"), ("-HUP", "hung-up")] {
        let last = stop_after_three_steps(&room, words, signal, run);
        assert!(
            last.starts_with("saved at step ")
                && last.ends_with(&format!("resume with: cargo run -p train -- --resume {run}")),
            "{last}"
        );
        room.bare(&format!("--resume {run}")).assert().success();
        assert!(weights("whole") == weights(run), "{signal} left a trace in the weights");
    }
}

#[test]
fn a_run_ends_with_its_best_weights_unless_the_last_ones_are_wanted() {
    let room = Room::new();
    // So little text is learned by heart, and what stands elsewhere becomes ever less likely.
    let little = &embedding::support::texts::STORY[..1500];
    fs::write(room.path("text.txt"), little).expect("written");
    let run = |words: &str| {
        let fixed = "--max-steps 40 --eval-every 5 --learning-rate 0.5 --warmup-steps 1";
        let run = room.train(&format!("{fixed} {words}")).assert().success();
        String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8")
    };
    let read = |name: &str| fs::read(room.path(name)).expect(name);
    let printed = run("--out-dir best");
    let lines = train::metrics::from_jsonl(&String::from_utf8_lossy(&read("best/metrics.jsonl")));
    let measured: Vec<_> = lines
        .expect("metrics")
        .into_iter()
        .filter_map(|line| match line {
            train::metrics::Line::Validation(measured) if measured.step > 0 => Some(measured),
            _ => None,
        })
        .collect();
    let lower = |a: &&_, b: &&_| {
        let loss = |measured: &train::metrics::Validation| measured.validation_loss;
        loss(a).total_cmp(&loss(b))
    };
    let lowest = measured.iter().min_by(lower).expect("measurements");
    assert!(lowest.step < 40, "what is learned by heart makes the loss rise: {measured:?}");
    for said in [
        format!("kept        the weights of step {}, whose", lowest.step),
        format!("{:.3} after", lowest.validation_loss),
        format!("{:.3} bits a byte", lowest.bits_per_byte.expect("a text has bytes")),
    ] {
        assert!(printed.contains(&said), "{said} is missing in {printed}");
    }
    assert!(String::from_utf8_lossy(&read("best/README.md")).contains("its weights are those"));
    let weights = read("best/model.safetensors");
    assert!(weights == read("best/checkpoints/best/model.safetensors"));
    assert!(weights != read("best/checkpoints/step-000040/model.safetensors"));

    let printed = run("--out-dir last --keep-best false");
    assert!(!printed.contains("kept  "), "{printed}");
    assert!(
        read("last/model.safetensors") == read("last/checkpoints/step-000040/model.safetensors")
    );
}

#[test]
fn a_run_without_patience_goes_on_and_one_with_it_ends_early_and_can_go_on() {
    let room = Room::new();
    let words = "--max-steps 40 --eval-every 1 --learning-rate 0.5 --warmup-steps 1 --patience 2";
    let run = room.train(words).args(["--out-dir", "run"]).assert().success();
    let printed = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(
        printed.contains("ended       early, as the validation loss fell no lower"),
        "{printed}"
    );
    let steps = || {
        let metrics = fs::read_to_string(room.path("run/metrics.jsonl")).expect("metrics");
        metrics.matches("gradient_norm").count()
    };
    let early = steps();
    assert!(early < 40, "{early} steps");
    let again = room.bare("--resume run").assert().success();
    let said = String::from_utf8_lossy(&again.get_output().stderr).into_owned();
    assert!(said.contains(&format!("has ended after step {early} of 40")), "{said}");
    assert_eq!(steps(), early);
    room.bare("--resume run --patience 0").assert().success();
    assert_eq!(steps(), 40);
}

/// Starts a run, sends it a signal after three steps, and gives the last line that it says.
fn stop_after_three_steps(room: &Room, words: &str, signal: &str, run: &str) -> String {
    let started = format!(
        "{words} --model config.json --text text.txt --context 16 --batch-size 2 --threads 1"
    );
    let mut child = Process::new(TRAIN)
        .current_dir(room.0.path())
        .args(started.split_whitespace())
        .args(["--out-dir", run])
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let metrics = room.path(run).join("metrics.jsonl");
    let patience = Instant::now();
    while fs::read_to_string(&metrics).map_or(0, |lines| lines.matches("gradient_norm").count()) < 3
    {
        assert!(patience.elapsed() < Duration::from_secs(100), "no step was taken");
        thread::sleep(Duration::from_millis(2));
    }
    let sent = Process::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().expect("piped"), &mut said)
        .expect("UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{said}");
    said.lines().last().expect("a line").to_owned()
}

#[test]
fn what_contradicts_a_checkpoint_is_refused_by_name() {
    let room = Room::new();
    room.train("--max-steps 2 --out-dir run").assert().success();
    fs::write(room.path("other.txt"), embedding::support::texts::STORY.replace('e', "i"))
        .expect("written");
    let resume = |words: &str| room.bare(&format!("--resume run --max-steps 3 {words}"));
    refused(
        resume("--batch-size 3"),
        "these settings contradict the checkpoint: batch_size is 2 there and 3 here",
    );
    refused(resume("--text other.txt"), "the training data is not that of the checkpoint");
    refused(resume("--context 8"), "context is 16 in the checkpoint and 8 here");
    refused(resume("--dropout 0.5"), "dropout is 0 in the checkpoint and 0.5 here");
    refused(resume("--out-dir elsewhere"), "a resumed run goes on in its own folder");
    misused(resume("--model gpt2"), "cannot be used with");
}

#[test]
fn another_number_of_threads_is_a_warning_and_not_an_error() {
    let room = Room::new();
    room.train("--max-steps 2 --out-dir run").assert().success();
    let run = Command::new(TRAIN)
        .current_dir(room.0.path())
        .args(["--resume", "run", "--max-steps", "3", "--threads", "2"])
        .assert()
        .success();
    let said = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
    assert!(said.contains("warning: threads 1 then, 2 now; the last digits may differ"), "{said}");
}

#[test]
fn a_text_that_cannot_be_learned_is_refused_in_one_sentence() {
    let room = Room::new();
    let with = |bytes: &[u8]| {
        fs::write(room.path("bad.txt"), bytes).expect("written");
        room.bare("--model config.json --text bad.txt --context 16 --max-steps 1")
    };
    refused(with(b""), "bad.txt is empty; there is nothing to learn from it");
    refused(with(b"good until here \xff"), "bad.txt is not UTF-8 at byte 16; save it as UTF-8");
    refused(
        with(b"far too short"),
        "bad.txt is too short: the training part does not suffice: a text of 3 tokens fills no window",
    );
    refused(
        room.bare("--text nowhere.txt"),
        "there is no file or folder nowhere.txt, nor a text of that name; the names are",
    );
    fs::create_dir(room.path("empty")).expect("a folder");
    refused(room.bare("--text empty"), "the folder empty holds no file that ends in .txt");
    refused(
        room.train("--max-steps 1 --grad-accum 1 --seed 1 --out-dir text.txt/run"),
        "cannot write to text.txt/run; choose another --out-dir",
    );
}

#[test]
fn several_files_and_a_folder_with_its_own_validation_are_read() {
    let room = Room::new();
    fs::create_dir(room.path("split")).expect("a folder");
    fs::write(room.path("split/train.txt"), embedding::support::texts::STORY).expect("written");
    fs::write(room.path("split/valid.txt"), &embedding::support::texts::STORY[..2000])
        .expect("written");
    let words = "--model config.json --context 16 --batch-size 2 --max-steps 1";
    room.bare(&format!("{words} --out-dir a --text text.txt split/valid.txt")).assert().success();
    room.bare(&format!("{words} --out-dir b --text split")).assert().success();
}

#[test]
fn misuse_of_an_option_is_exit_code_2_and_names_it() {
    let room = Room::new();
    let mut threads = Command::new(TRAIN);
    threads.args(["--threads", "1025"]);
    misused(threads, "'--threads <N>': it must be a whole number from 1 to 1024");
    misused(
        room.bare("--batch-size 0"),
        "invalid value '0' for '--batch-size <N>': it must be a whole number of at least 1",
    );
    misused(room.bare("--epochs -3"), "invalid value '-3' for '--epochs <N>'");
    misused(
        room.bare("--learning-rate NaN"),
        "'--learning-rate <RATE>': it must be a number above 0",
    );
    misused(room.bare("--dropout 1"), "'--dropout <X>': it must be at least 0 and less than 1");
    misused(room.bare("--epochs 1 --max-steps 1"), "cannot be used with");
    misused(room.bare("--protocol book --batch-size 4"), "cannot be used with");
    misused(room.bare("--eval-with-dropout"), "the following required arguments were not provided");
    misused(room.bare("--eval-with-dropout --model config.json"), "cannot be used with");
    misused(room.bare("--unheard-of"), "unexpected argument '--unheard-of'");
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let room = Room::new();
    refused(
        room.bare("--device tpu"),
        "the device \"tpu\" is unknown; there are cpu, cuda and mps",
    );
    if !tch::Cuda::is_available() {
        refused(
            room.bare("--device cuda"),
            "there is no CUDA device that this libtorch can use; take --device cpu",
        );
    }
    refused(
        room.bare("--model huge"),
        "the model \"huge\" is unknown; there are tales, story, shakespeare, tiny, gpt2",
    );
    refused(
        room.bare("--init nobody"),
        "there is no folder nobody, nor a model of that name; the names are gpt2",
    );
    refused(
        room.bare("--init someone/something"),
        "the weights of someone/something are not on this machine, and HF_HUB_OFFLINE forbids",
    );
    refused(
        room.bare("--init ."),
        ". holds no model: model.safetensors and config.json must be there",
    );
    refused(room.bare("--resume"), "there is no run to resume in runs/; name its folder");
    refused(
        room.bare("--protocol magazine"),
        "the protocol \"magazine\" is unknown; there are book and article",
    );
}

#[test]
fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let run = Command::new(TRAIN).args(["completions", shell]).assert().success();
        let script = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
        assert!(script.contains("train") && script.contains("grad-accum"), "{shell}: {script}");
        let end: Vec<&str> =
            script.lines().rev().take_while(|line| line.starts_with('#')).collect();
        let end = end.join("\n");
        assert!(end.contains("target/debug") && end.contains("cargo run -p train --"), "{end}");
    }
    let mut unknown = Command::new(TRAIN);
    unknown.args(["completions", "tcsh"]);
    misused(unknown, "invalid value 'tcsh' for '<SHELL>'");
}

#[test]
fn our_own_errors_look_as_those_of_usage_with_color_and_without() {
    let room = Room::new();
    for (variable, expected) in
        [("CLICOLOR_FORCE", "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m "), ("NO_COLOR", "error: ")]
    {
        for words in ["--epochs 0", "--text nowhere.txt"] {
            let said = {
                let mut command = room.bare(words);
                command.env(variable, "1");
                refusal(command).1
            };
            assert!(said.starts_with(expected), "{words}: {said:?}");
        }
    }
}

#[test]
fn the_help_comes_in_groups_and_ends_with_an_example() {
    let run = Command::new(TRAIN).arg("--help").env("COLUMNS", "120").assert().success();
    let help = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    let (lines, widest) =
        (help.lines().count(), help.lines().map(|line| line.chars().count()).max());
    assert!(lines <= 64 && widest <= Some(120), "{lines} lines, {widest:?} columns");
    assert!(help.contains("cargo run -p train -- --resume runs/bard\n"), "{help}");
}

/// The loss before a step is finite and the step too long: what it has made of the weights is neither sampled nor saved.
#[test]
fn a_step_after_which_nothing_is_finite_ends_the_run_in_one_sentence() {
    let room = Room::new();
    refused(
        room.train("--max-steps 1 --learning-rate 1e308 --out-dir run"),
        "stopped after step 1, before there was a checkpoint: the validation loss after step 1 is NaN; lower the learning rate",
    );
    assert!(!room.path("run/checkpoints").exists());
}

/// The disk refuses a file larger than a checkpoint's: the run ends in one sentence, and what was saved before can be loaded.
#[test]
#[cfg(unix)]
fn when_the_disk_refuses_a_checkpoint_the_one_before_can_be_resumed() {
    let room = Room::new();
    room.train("--max-steps 2 --out-dir run").assert().success();
    let limited = |blocks: u32| {
        let script = format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec {TRAIN} --threads 1 --resume run --max-steps 4"
        );
        let output = Process::new("sh")
            .current_dir(room.0.path())
            .args(["-c", &script])
            .output()
            .expect("a shell");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let (code, said) = limited(1000);
    assert_eq!(code, Some(1), "{said}");
    let last = said.lines().last().expect("a line");
    assert!(
        last.starts_with("error: stopped after step 4; its last checkpoint stays")
            && last.contains("cannot save"),
        "{last}"
    );
    assert!(no_leftovers(&room.path("run/checkpoints")), "something half-written stays");
    let loaded =
        train::checkpoint::load(&room.path("run"), tch::Device::Cpu).expect("the one before");
    assert_eq!((loaded.state.step, loaded.damaged.len()), (2, 0));
    room.bare("--resume run --max-steps 4").assert().success();
}

/// A batch for which there is no memory: one line that says so, and all that libtorch says under --verbose.
#[test]
#[cfg(target_os = "linux")]
fn memory_that_is_refused_is_one_sentence_without_a_trace() {
    let room = Room::new();
    fs::write(
        room.path("wide.json"),
        CONFIG.replace("\"n_layer\": 1", "\"n_layer\": 1, \"n_inner\": 262144"),
    )
    .expect("written");
    fs::write(room.path("text.txt"), embedding::support::texts::STORY.repeat(10)).expect("written");
    let limited = |words: &str| {
        let script = format!(
            "ulimit -v 4000000; exec {TRAIN} --model wide.json --text text.txt --context 64 --batch-size 200 --threads 1 {words}"
        );
        let output = Process::new("sh")
            .current_dir(room.0.path())
            .args(["-c", &script])
            .output()
            .expect("a shell");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(1), "{said}");
        said
    };
    let said = limited("--out-dir short");
    let last = said.lines().last().expect("a line");
    assert!(
        last.starts_with("error: there is no memory for ")
            && last.ends_with("(--verbose shows more)"),
        "{last}"
    );
    assert!(
        !said.contains("panicked") && !said.contains("frame #") && !said.contains("backtrace"),
        "{said}"
    );
    assert!(limited("--out-dir long --verbose").contains("DefaultCPUAllocator"));
}

#[test]
fn a_batch_or_a_model_beyond_all_measure_is_refused_before_anything_is_made() {
    let room = Room::new();
    let begin = |words: &str| room.bare(&format!("--model config.json --text text.txt {words}"));
    refused(
        begin("--context 16 --batch-size 100000000"),
        "139 items fill no batch of 100000000; choose a smaller batch",
    );
    refused(begin("--context 99999999999"), "context is 99999999999; it must be from 1 to 1048576");
    misused(
        room.train("--max-steps 99999999999999999999"),
        "it must be a whole number of at least 1",
    );
}

fn no_leftovers(folder: &Path) -> bool {
    fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .all(|entry| !entry.file_name().to_string_lossy().contains("tmp"))
}

#[test]
fn a_finished_run_says_so_and_changes_nothing_and_fewer_steps_than_taken_neither() {
    let room = Room::new();
    room.train("--max-steps 3 --out-dir run").assert().success();
    let files = || {
        ["README.md", "model.safetensors", "metrics.jsonl"]
            .map(|name| fs::read(room.path("run").join(name)).expect(name))
    };
    let before = files();
    for (words, expected) in [
        ("--resume run", "the run in run is finished: all 3 steps are done"),
        (
            "--resume run --max-steps 1",
            "3 steps are done already, and 1 asked for; nothing is changed",
        ),
    ] {
        let run = room.bare(words).assert().success();
        let said = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
        assert!(said.contains(expected), "{said}");
        assert!(files() == before, "{words} has changed something");
    }
}

#[test]
fn a_run_resumed_for_longer_says_how_its_learning_rate_jumps_and_one_that_was_broken_off_nothing() {
    let room = Room::new();
    room.train("--max-steps 12 --warmup-steps 2 --out-dir run --save-every 6").assert().success();
    let said = |words: &str| {
        let run = room.bare(words).assert().success();
        String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8")
    };
    let longer = said("--resume run --max-steps 24");
    assert!(
        longer.contains("warning: the learning rate was 6.10e-5 at step 12 and is"),
        "{longer}"
    );
    let same = said("--resume run/checkpoints/step-000018 --max-steps 24");
    assert!(
        same.contains("going on after step 18") && !same.contains("learning rate was"),
        "{same}"
    );
}

#[test]
fn a_folder_of_the_user_gets_no_run_without_force() {
    let room = Room::new();
    fs::create_dir(room.path("thesis")).expect("a folder");
    fs::write(room.path("thesis/README.md"), "# My thesis").expect("written");
    refused(
        room.train("--max-steps 1 --out-dir thesis"),
        "thesis holds files that no run has written; choose another --out-dir",
    );
    assert_eq!(fs::read_dir(room.path("thesis")).expect("a folder").count(), 1);
    room.train("--max-steps 1 --out-dir thesis --force").assert().success();
    // A hidden file is nobody's work, and a run that was killed before its first checkpoint our own.
    fs::create_dir(room.path("new")).expect("a folder");
    for name in [".gitkeep", ".lock", "metrics.jsonl"] {
        fs::write(room.path("new").join(name), "").expect("written");
    }
    room.train("--max-steps 1 --out-dir new").assert().success();
}

/// The prompt comes from a text that anybody may have written.
#[test]
fn the_commands_that_a_run_prints_survive_a_shell() {
    let room = Room::new();
    let mut command = room.train("--max-steps 1");
    let prompt = "costs $HOME `touch here` \"5\" it's";
    let run = command.args(["--prompt", prompt, "--out-dir", "my runs/a b"]).assert().success();
    let printed = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    let next = printed.lines().find_map(|line| line.strip_prefix("next")).expect("a command");
    let card = fs::read_to_string(room.path("my runs/a b/README.md")).expect("a card");
    assert!(card.contains(next.trim()), "{card}");
    let echo = next.trim().replacen("cargo run", "printf '%s\\n'", 1);
    let words = Process::new("sh").current_dir(room.0.path()).args(["-c", &echo]).output();
    let words = String::from_utf8(words.expect("a shell").stdout).expect("UTF-8");
    let words: Vec<&str> = words.lines().collect();
    let after =
        |option: &str| words[words.iter().position(|word| *word == option).expect(option) + 1];
    assert_eq!((after("--weights"), after("--prompt")), ("my runs/a b", prompt));
    assert!(!room.path("here").exists(), "the shell has run a part of the prompt");
}

#[test]
fn a_vocabulary_learned_from_the_text_is_kept_and_a_resumed_run_goes_on_with_it() {
    let room = Room::new();
    let begin = |words: &str| room.train(&format!("--vocab-size 300 {words}"));
    begin("--max-steps 2 --out-dir run").assert().success();
    let weights = format::load(&room.path("run"), tch::Device::Cpu).expect("a model");
    assert_eq!(weights.config.vocab_size, 300);
    for file in ["vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"] {
        assert!(room.path("run").join(file).is_file(), "{file}");
    }
    room.bare("--resume run --max-steps 4").assert().success();
    begin("--max-steps 4 --out-dir whole").assert().success();
    let loss = |run: &str| {
        let metrics = fs::read_to_string(room.path(run).join("metrics.jsonl")).expect("written");
        let last =
            metrics.lines().rfind(|line| line.contains("validation_loss")).expect("measured");
        last.split("validation_loss").nth(1).expect("a loss").to_owned()
    };
    let last_step = |run: &str| {
        let metrics = fs::read_to_string(room.path(run).join("metrics.jsonl")).expect("written");
        metrics.lines().filter(|line| line.contains("\"loss\"")).count()
    };
    assert_eq!((last_step("run"), last_step("whole")), (4, 4));
    assert!(!loss("run").is_empty());
    refused(begin("--init run"), "the weights of --init run come with their own tokenizer");
    refused(room.train("--vocab-size 256"), "vocab-size is 256; it must be at least 257");
    refused(room.train("--vocab-size 90000"), "vocab-size is 90000, but the text gives only");
}

#[test]
fn a_run_in_bf16_says_so_and_goes_on_in_it() {
    let room = Room::new();
    let run = room.train("--max-steps 2 --precision bf16 --out-dir run").assert().success();
    let said = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
    assert!(said.contains("precision bf16") && said.contains("path fast"), "{said}");
    let resumed = room.bare("--resume run --max-steps 3").assert().success();
    let said = String::from_utf8(resumed.get_output().stderr.clone()).expect("UTF-8");
    assert!(said.contains("precision bf16"), "{said}");
    let other = room.bare("--resume run --max-steps 4 --precision f32");
    let there =
        "these settings contradict the checkpoint: precision is \"bf16\" there and \"f32\" here";
    refused(other, there);
}

#[test]
fn the_lesson_multiplies_in_float32_alone_and_no_third_precision_is_known() {
    let room = Room::new();
    refused(
        room.train("--max-steps 2 --precision bf16 --path lesson"),
        "the lesson multiplies in f32; --precision bf16 needs the fast path",
    );
    misused(room.train("--precision fp8"), "[possible values: f32, bf16]");
}
