//! The runs of a project, as commands find and list them.

mod small;

use assert_cmd::Command;
use model::format;
use small::{SIZES, always};
use std::{
    fs::{self, File},
    path::PathBuf,
    time::{Duration, SystemTime},
};
use tempfile::TempDir;

/// A folder that passes for a project's root.
struct Project(TempDir);

impl Project {
    fn new() -> Self {
        let project = Self(tempfile::tempdir().expect("a folder"));
        project.write("Cargo.toml", "");
        project.write("data/datasets.json", "{}");
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().expect("a folder")).expect("room");
        fs::write(self.path(name), text).expect("room");
    }

    /// A run that was last written so many seconds ago, with what its command keeps in a checkpoint.
    fn run(&self, name: &str, command: &str, loss: f64, age_s: u64) {
        let metrics = format!(
            "{{\"step\":7,\"epoch\":1.0,\"tokens\":70,\"loss\":9.0,\"learning_rate\":0.1,\"gradient_norm\":1.0,\"tokens_per_s\":10.0}}\n\
             {{\"step\":7,\"epoch\":1.0,\"tokens\":70,\"validation_loss\":{loss}}}\n"
        );
        self.write(&format!("runs/{name}/metrics.jsonl"), &metrics);
        if !command.is_empty() {
            let state = format!("{{\"step\": 7, \"command\": {{{command}}}}}");
            self.write(&format!("runs/{name}/checkpoints/step-000007/state.json"), &state);
            self.write(&format!("runs/{name}/checkpoints/latest"), "step-000007\n");
        }
        let metrics =
            File::options().append(true).open(self.path(&format!("runs/{name}/metrics.jsonl")));
        let then = SystemTime::now() - Duration::from_secs(age_s);
        metrics.expect("there").set_modified(then).expect("a time");
    }

    /// Gives a run a model that writes the token with this id, whatever it reads.
    fn model(&self, name: &str, id: i64) {
        let model = always(SIZES, &[(id, 12.0)]);
        format::save(&self.path("runs").join(name), &model).expect("room");
    }

    fn finetune(&self, words: &[&str], input: &str) -> (String, String, i32) {
        let output = Command::cargo_bin("finetune")
            .expect("the command of this crate")
            .current_dir(self.0.path())
            .env("HF_HUB_OFFLINE", "1")
            .env("HF_HUB_CACHE", "/nonexistent")
            .args(words)
            .write_stdin(input)
            .output()
            .expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr), output.status.code().expect("an exit code"))
    }
}

const TRAIN: &str = "\"text\": []";
const FINETUNE: &str = "\"data\": \"embedded\"";
const CAT: i64 = 3797;
const DOG: i64 = 3290;

/// One of each kind: the newest still runs, the next was broken off, then a model that continues and an older one that answers.
fn project() -> Project {
    let project = Project::new();
    project.run("new", "", 10.5, 1);
    project.run("broken", TRAIN, 8.25, 2);
    project.run("prose", TRAIN, 5.5, 3);
    project.model("prose", CAT);
    project.run("answers", FINETUNE, 0.443, 4);
    project.model("answers", DOG);
    project
}

#[test]
fn the_runs_are_listed_with_their_steps_loss_and_state_the_newest_first() {
    let project = project();
    let lock = File::create(project.path("runs/new/.lock")).expect("room");
    lock.lock().expect("a lock");
    let (printed, said, code) = project.finetune(&["runs"], "");
    let expected = "\
run           by        steps    loss  state
runs/new      -             7  10.500  running
runs/broken   train         7   8.250  interrupted
runs/prose    train         7   5.500  finished
runs/answers  finetune      7   0.443  finished
";
    assert_eq!((printed.as_str(), said.as_str(), code), (expected, "", 0));
    drop(lock);
    assert!(project.finetune(&["runs"], "").0.contains("10.500  without a checkpoint"));
    let (_, said, code) = Project::new().finetune(&["runs"], "");
    assert_eq!((said.as_str(), code), ("error: there is no run in runs\n", 1));
}

#[test]
fn without_weights_the_newest_run_is_taken_which_is_said() {
    let project = project();
    let newest =
        |run: &str| format!("weights         runs/{run}, the newest run; --weights names others\n");
    let (printed, said, _) =
        project.finetune(&["complete", "A", "--max-new-tokens", "1", "--temperature", "0"], "");
    assert_eq!((printed.as_str(), said), ("A cat\n", newest("prose")));
    // Those who ask questions want a model that answers.
    let (printed, said, _) = project.finetune(&["chat", "--max-new-tokens", "1"], "Who?\n");
    assert_eq!((printed.as_str(), said), (" dog\n", newest("answers")));
    project.write("t.json", r#"[{"instruction": "a", "output": "b"}]"#);
    let (_, said, code) = project.finetune(&["respond", "t.json", "--max-new-tokens", "1"], "");
    assert!(code == 0 && said.starts_with(&newest("answers")), "{said}");
    let (_, said, code) = Project::new().finetune(&["complete", "A"], "");
    assert!(code == 1 && said.contains("the weights of gpt2 are not on this machine"), "{said}");
}

#[test]
fn a_model_that_only_continues_texts_is_told_and_exported_without_a_form_of_asking() {
    let project = project();
    let words = ["chat", "--max-new-tokens", "1", "--weights", "runs/prose"];
    let (_, said, _) = project.finetune(&words, "Who?\n");
    let advice = "has only learned to continue texts; try: cargo run -p finetune -- complete --weights runs/prose";
    assert!(said.contains(advice), "{said}");
    for (run, answers) in [("prose", false), ("answers", true)] {
        let weights = format!("runs/{run}");
        let (printed, said, code) =
            project.finetune(&["export", "--weights", &weights, "--out", run, "--gguf", "f16"], "");
        assert_eq!(code, 0, "{said}");
        let written = fs::read(project.path(run).join("model.gguf")).expect("the one file");
        assert_eq!(&written[..4], b"GGUF");
        let recipe = fs::read_to_string(project.path(run).join("Modelfile")).expect("a recipe");
        assert!(
            recipe.contains("PARAMETER num_ctx 64") && recipe.contains("<|endoftext|>"),
            "{recipe}"
        );
        for (found, part) in [
            (
                project.path(run).join("chat_template.jinja").exists(),
                "the template of a conversation",
            ),
            (recipe.contains("TEMPLATE"), "the template of Ollama"),
            (recipe.contains("### Instruction:"), "the stop text"),
        ] {
            assert_eq!(found, answers, "{part} of {run}");
        }
        let next = if answers { "chat" } else { "complete" };
        let next = format!("next        cargo run -p finetune -- {next} --weights {run}\n");
        assert!(printed.contains(&next) && printed.contains("ollama create"), "{printed}");
        assert_eq!(said.contains("without a form for instructions"), !answers, "{said}");
    }
}
