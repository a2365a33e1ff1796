//! A fine-tuning that is killed, refused by the disk or resumed otherwise than it was begun.

mod small;

use model::format;
use small::{SIZES, untrained};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};
use tch::Device;
use tempfile::TempDir;

const FINETUNE: &str = env!("CARGO_BIN_EXE_finetune");
const EPOCHS: u32 = 10;
/// 16 entries for training in batches of 4.
const STEPS: u32 = EPOCHS * 4;
const KILLS: u32 = 12;

/// A folder with a very small model and twenty tasks.
fn room() -> TempDir {
    let room = tempfile::tempdir().expect("a folder");
    tch::manual_seed(1);
    let model = untrained(SIZES);
    format::save(&room.path().join("weights"), &model).expect("saved");
    let entries: Vec<String> = (0..20)
        .map(|i| {
            format!(
                r#"{{"instruction": "Count to {i}.", "input": "", "output": "The number is {i}."}}"#
            )
        })
        .collect();
    fs::write(room.path().join("data.json"), format!("[{}]", entries.join(","))).expect("written");
    room
}

fn command(program: &str, room: &TempDir) -> Command {
    let mut command = Command::new(program);
    command.current_dir(room.path()).env("HF_HUB_OFFLINE", "1").env("OLLAMA_HOST", "127.0.0.1:1");
    command
}

fn finetune(room: &TempDir, words: &str) -> Command {
    let mut command = command(FINETUNE, room);
    command.args(words.split_whitespace());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The words that begin a run of so many epochs.
fn begin(epochs: u32, folder: &str) -> String {
    format!(
        "--weights weights --data data.json --epochs {epochs} --batch-size 4 --save-every 1 --eval-every 0 --max-new-tokens 2 \
         --threads 1 --out-dir {folder}"
    )
}

#[track_caller]
fn said(output: &Output, code: i32) -> String {
    let said = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

#[track_caller]
fn succeeds(mut command: Command) -> String {
    said(&command.output().expect("it runs"), 0)
}

/// Reads what the process says until a line begins with `words`.
fn wait_for(child: &mut Child, words: &str) {
    let mut lines =
        BufReader::new(child.stderr.as_mut().expect("piped")).lines().map_while(Result::ok);
    let found = lines.any(|line| line.starts_with(words));
    assert!(found, "{words:?} was never said");
}

#[test]
fn kills_leave_no_trace_in_a_fine_tuned_model() {
    let room = room();
    let mut whole = finetune(&room, &begin(EPOCHS, "whole")).spawn().expect("it starts");
    wait_for(&mut whole, "step 0");
    let began = Instant::now();
    wait_for(&mut whole, "answering");
    let a_step = began.elapsed() / STEPS;
    assert!(whole.wait_with_output().expect("it ends").status.success());

    let mut killed = finetune(&room, &begin(EPOCHS, "killed")).spawn().expect("it starts");
    let checkpoints = room.path().join("killed/checkpoints");
    while !checkpoints.join("latest").exists() {
        thread::sleep(Duration::from_millis(1));
    }
    let mut random = 0x9e37_79b9_7f4a_7c15_u64; // any start but 0: the moments differ, the sequence does not
    let mut in_writing = 0;
    for kill in 0..KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Most in training and writing, up to three steps in; some while the checkpoint is being read.
        thread::sleep(a_step.mul_f64((random % 1000) as f64 / 1000.0 * 3.0));
        killed.kill().expect("a process to kill");
        killed.wait().expect("it ends");
        in_writing += u32::from(has_leftovers(&checkpoints));
        killed = finetune(&room, "--resume killed --max-new-tokens 2").spawn().expect("it starts");
        if kill % 4 != 3 {
            wait_for(&mut killed, "going on after step ");
        }
    }
    assert!(killed.wait_with_output().expect("it ends").status.success());
    println!("{in_writing} of {KILLS} kills fell into the writing of a checkpoint");
    let file = |run: &str, name: &str| fs::read(room.path().join(run).join(name)).expect(name);
    for name in ["model.safetensors", "responses.json", "samples.txt"] {
        assert!(file("whole", name) == file("killed", name), "the kills left a trace in {name}");
    }
}

fn has_leftovers(checkpoints: &Path) -> bool {
    let entries = fs::read_dir(checkpoints).expect("a folder").flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with('.'))
}

/// The disk refuses a file larger than a checkpoint's: the run ends in one sentence, and what was saved before can be loaded.
#[test]
#[cfg(unix)]
fn when_the_disk_refuses_a_checkpoint_fine_tuning_goes_on_from_the_one_before() {
    let room = room();
    succeeds(finetune(&room, &begin(1, "run")));
    let script = format!(
        "trap '' XFSZ; ulimit -f 1000; exec {FINETUNE} --resume run --epochs 2 --max-new-tokens 2"
    );
    let output = command("sh", &room).args(["-c", &script]).output().expect("a shell");
    let said = said(&output, 1);
    let last = said.lines().last().expect("a line");
    assert!(last.starts_with("error: stopped after step 5; its last checkpoint stays"), "{last}");
    assert!(
        last.contains("cannot save a checkpoint at step 5") && !last.contains("panicked"),
        "{last}"
    );
    assert!(!has_leftovers(&room.path().join("run/checkpoints")), "something half-written stays");
    let loaded =
        train::checkpoint::load(&room.path().join("run"), Device::Cpu).expect("the one before");
    assert_eq!((loaded.state.step, loaded.damaged.len()), (4, 0));
    succeeds(finetune(&room, "--resume run --epochs 2 --max-new-tokens 2"));
}

#[test]
fn a_fine_tuning_resumed_otherwise_is_warned_or_refused_by_name() {
    let room = room();
    succeeds(finetune(&room, &begin(1, "run")));
    let refused = |words: &str, code| {
        let said = said(
            &finetune(&room, &format!("--resume run {words}")).output().expect("it runs"),
            code,
        );
        said.lines().find(|line| line.starts_with("error: ")).expect("an error").to_owned()
    };
    for (words, expected) in [
        (
            "--batch-size 2",
            "error: these settings contradict the checkpoint: batch_size is 4 there and 2 here",
        ),
        (
            "--learning-rate 1",
            "error: these settings contradict the checkpoint: learning_rate is 0.00005 there and 1.0 here",
        ),
    ] {
        let said = refused(words, 1);
        assert!(said.starts_with(expected), "{said}");
    }
    for option in ["--weights gpt2", "--data data.json", "--seed 5", "--out-dir elsewhere"] {
        let said = refused(option, 2);
        let name = option.split(' ').next().expect("a name");
        assert!(said.contains("cannot be used with") && said.contains(name), "{option}: {said}");
    }
    let said = succeeds(finetune(&room, "--resume run --epochs 2 --threads 2 --max-new-tokens 2"));
    let warning =
        "warning: threads 1 then, 2 now; the last digits may differ from an uninterrupted run's";
    assert!(said.lines().any(|line| line == warning), "{said}");

    let tasks = fs::read_to_string(room.path().join("data.json")).expect("the tasks");
    fs::write(room.path().join("data.json"), tasks.replace("number", "figure")).expect("written");
    let said = refused("--epochs 3", 1);
    assert!(said.starts_with("error: the training data is not that of the checkpoint"), "{said}");
}

#[test]
fn a_run_resumed_from_one_of_its_checkpoints_goes_on_in_its_own_folder() {
    let room = room();
    succeeds(finetune(&room, &begin(1, "run")));
    let checkpoint = "run/checkpoints/step-000003";
    let files = |folder: &str| {
        let entries = fs::read_dir(room.path().join(folder)).expect("a folder").flatten();
        entries.map(|entry| entry.file_name()).collect::<std::collections::BTreeSet<_>>()
    };
    let before = files(checkpoint);
    fs::remove_file(room.path().join("run/model.safetensors")).expect("removed");
    succeeds(finetune(&room, &format!("--resume {checkpoint} --max-new-tokens 2")));
    assert_eq!(files(checkpoint), before);
    assert!(room.path().join("run/model.safetensors").exists());
    train::checkpoint::load(&room.path().join(checkpoint), Device::Cpu).expect("still whole");
}

#[test]
fn a_finished_fine_tuning_says_so_and_changes_nothing() {
    let room = room();
    succeeds(finetune(&room, &begin(1, "run")));
    let card = fs::read(room.path().join("run/README.md")).expect("a card");
    let said = succeeds(finetune(&room, "--resume run --max-new-tokens 2"));
    assert!(said.contains("the run in run is finished: all 4 steps are done"), "{said}");
    assert!(!said.contains("answering"), "{said}");
    assert_eq!(fs::read(room.path().join("run/README.md")).expect("a card"), card);
}

/// Hours of training must not hang on an answer.
#[test]
fn the_model_is_written_before_anything_is_asked_of_it() {
    let room = room();
    fs::create_dir_all(room.path().join("run/responses.json.partial")).expect("in the way");
    let words = format!("{} --force", begin(1, "run"));
    let said = said(&finetune(&room, &words).output().expect("it runs"), 1);
    assert!(said.contains("responses.json.partial"), "{said}");
    format::load(&room.path().join("run"), Device::Cpu).expect("the model");
    fs::remove_dir(room.path().join("run/responses.json.partial")).expect("out of the way");
    succeeds(finetune(&room, "--resume run --max-new-tokens 2"));
    assert!(room.path().join("run/responses.json").exists());
}

#[test]
fn entries_that_fill_the_context_are_left_out_named_and_with_nothing_left_refused() {
    let room = room();
    let entry = |i: usize, input: &str| {
        format!(r#"{{"instruction": "Say {i}.", "input": "{input}", "output": "{i}"}}"#)
    };
    let write = |long: &dyn Fn(usize) -> bool| {
        let item = "item ".repeat(90);
        let entries: Vec<String> =
            (0..20).map(|i| entry(i, if long(i) { &item } else { "" })).collect();
        fs::write(room.path().join("data.json"), format!("[{}]", entries.join(",")))
            .expect("written");
    };
    // Of twenty, two are asked and two are measured on; none of these four fits.
    write(&|i| i >= 16);
    let said = succeeds(finetune(&room, &format!("{} --mask-prompt", begin(1, "run"))));
    assert!(said.contains("left out        2 of 2 validation entries"), "{said}");
    let state = fs::read_to_string(room.path().join("run/checkpoints/step-000004/state.json"));
    assert!(state.expect("a checkpoint").contains("\"test_loss_before\": null"));
    succeeds(finetune(&room, "--resume run --epochs 2 --max-new-tokens 2"));
    write(&|_| true);
    let output = finetune(&room, &format!("{} --mask-prompt", begin(1, "none"))).output();
    let said = crate::said(&output.expect("it runs"), 1);
    assert!(said.contains("all 16 entries fill the context of 64 tokens"), "{said}");
    assert!(!room.path().join("none").exists(), "nothing is made before it can be filled");
}

#[test]
#[cfg(unix)]
fn a_signal_in_the_training_of_the_first_model_saves_it_and_the_same_command_goes_on() {
    let room = room();
    let words = "--weights scratch --data data.json --out-dir run --max-new-tokens 2";
    let mut child = finetune(&room, words).spawn().expect("it starts");
    wait_for(&mut child, "pretraining on the embedded tales and tasks: 750 steps");
    thread::sleep(Duration::from_secs(3));
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill").success());
    let said = said(&child.wait_with_output().expect("it ends"), 130);
    let last = said.lines().last().expect("a line");
    assert!(
        last.contains(&format!("of the first model; go on with: cargo run -p finetune -- {words}")),
        "{last}"
    );
    assert!(!said.contains("error"), "{said}");
    let mut again = finetune(&room, words).spawn().expect("it starts");
    wait_for(&mut again, "pretraining goes on after step ");
    again.kill().expect("a process to kill");
    again.wait().expect("it ends");
}
