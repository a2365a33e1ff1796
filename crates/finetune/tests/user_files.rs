//! Files of the user: nothing of theirs is lost, whatever is asked for and however it ends.

mod small;

use assert_cmd::Command;
use model::format;
use small::{SIZES, untrained};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// A folder with a very small model and a task.
struct Room(TempDir);

impl Room {
    fn new() -> Self {
        let room = Self(tempfile::tempdir().expect("a folder"));
        format::save(&room.at("m"), &untrained(SIZES)).expect("a writable folder");
        room.write("tasks.json", r#"[{"id": 7, "instruction": "Name a bird.", "output": "owl"}]"#);
        room
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).expect(name)
    }

    /// The command in this folder: what it says, and its exit code.
    fn finetune(&self, words: &str) -> (String, String, i32) {
        let mut command = Command::cargo_bin("finetune").expect("the command of this crate");
        command.current_dir(self.0.path()).args(words.split_whitespace());
        command.env("HF_HUB_OFFLINE", "1").env("OLLAMA_HOST", "127.0.0.1:1");
        let output = command.output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr), output.status.code().expect("a code"))
    }
}

#[test]
fn answers_written_into_the_file_of_the_tasks_keep_its_keys_and_its_old_content() {
    let room = Room::new();
    let before = room.read("tasks.json");
    let (_, said, code) =
        room.finetune("respond tasks.json --weights m --out tasks.json --max-new-tokens 2");
    assert_eq!(code, 0, "{said}");
    let after = room.read("tasks.json");
    assert!(after.contains("\"id\": 7") && after.contains("model_response"), "{after}");
    assert!(said.contains("tasks.json held something else, which is now tasks.json.bak"), "{said}");
    assert_eq!(room.read("tasks.json.bak"), before);
}

#[test]
fn answers_to_other_tasks_are_not_replaced_where_nobody_named_the_file() {
    let room = Room::new();
    let words = "respond tasks.json --weights m --max-new-tokens 2";
    assert_eq!(room.finetune(words).2, 0);
    assert_eq!(room.finetune(words).2, 0, "the same tasks once more");
    let before = room.read("responses.json");
    room.write("tasks.json", r#"[{"instruction": "Name a fish.", "output": "eel"}]"#);
    let (_, said, code) = room.finetune(words);
    assert!(
        code == 1 && said.contains("holds something other than answers to these tasks"),
        "{said}"
    );
    assert_eq!(room.read("responses.json"), before);
}

#[test]
fn a_command_that_fails_before_its_first_answer_leaves_no_file() {
    let room = Room::new();
    for words in
        ["respond tasks.json --weights nowhere --out a.json", "score tasks.json --out s.jsonl"]
    {
        let (_, said, code) = room.finetune(words);
        assert_eq!(code, 1, "{said}");
    }
    assert!(!room.at("a.json").exists() && !room.at("s.jsonl").exists());
}

#[test]
fn keys_of_other_programs_that_are_not_read_are_named() {
    let room = Room::new();
    room.write(
        "dolly.json",
        r#"[{"instruction": "a", "context": "c", "response": "b", "category": "x"}]"#,
    );
    let words = |file| format!("respond {file} --weights m --out a.json --max-new-tokens 1");
    let (_, said, code) = room.finetune(&words("dolly.json"));
    let expected = "note            context, response in the file is not read, only instruction, input and output\n";
    assert!(code == 0 && said.contains(expected), "{code}: {said}");
    room.write("ours.json", r#"[{"instruction": "a", "input": "c", "output": "b", "id": 7}]"#);
    let (_, said, _) = room.finetune(&words("ours.json"));
    assert!(!said.contains("is not read"), "{said}");
}

#[test]
fn tasks_without_an_output_are_answered_and_compared_with_nothing() {
    let room = Room::new();
    room.write(
        "tasks.jsonl",
        "{\"instruction\": \"Name three birds.\"}\n{\"instruction\": \"Go.\"}\n",
    );
    let (printed, said, code) =
        room.finetune("respond tasks.jsonl --weights m --out a.json --max-new-tokens 2");
    assert_eq!(code, 0, "{said}");
    assert!(printed.contains("nothing to compare with"), "{printed}");
    assert!(!printed.contains("loss of the expected"), "{printed}");
    assert!(!room.read("a.json").contains("output"));
    assert!(room.finetune("score a.json").0.contains("nothing to compare with"));
}

#[test]
#[cfg(unix)]
fn a_pipe_gets_the_answers_and_stays_a_pipe() {
    let room = Room::new();
    let pipe = room.at("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).expect("the answers")
    });
    let (_, said, code) =
        room.finetune("respond tasks.json --weights m --out pipe --max-new-tokens 2");
    assert_eq!(code, 0, "{said}");
    let got = reader.join().expect("a reader");
    let answers: serde_json::Value = serde_json::from_str(&got).expect("JSON");
    assert!(answers[0]["model_response"].is_string() && answers[0]["id"] == 7, "{got}");
    assert!(!pipe.is_file() && pipe.exists());
    // The process's own output, which is a pipe here: answers there, words elsewhere.
    let (printed, said, code) =
        room.finetune("respond tasks.json --weights m --out /dev/stdout --max-new-tokens 2");
    assert_eq!(code, 0, "{said}");
    let answers: serde_json::Value = serde_json::from_str(&printed).expect("JSON and nothing else");
    assert_eq!(answers.as_array().map(Vec::len), Some(1));
}

#[test]
fn a_file_of_scores_that_is_not_ours_is_refused_and_stays_as_it_was() {
    let room = Room::new();
    room.write("answers.json", r#"[{"instruction": "a", "output": "b", "model_response": "c"}]"#);
    for text in ["My notes, in one line without an end", "one\ntwo\n", "[{\"answer\": 1}]"] {
        room.write("notes.txt", text);
        let (_, said, code) = room.finetune("score answers.json --out notes.txt");
        assert!(code == 1 && said.contains("nothing was changed"), "{said}");
        assert_eq!(room.read("notes.txt"), text);
    }
}

#[test]
fn a_folder_of_the_user_gets_no_run_without_force() {
    let room = Room::new();
    fs::create_dir(room.at("thesis")).expect("a folder");
    room.write("thesis/README.md", "# My thesis");
    let (_, said, code) = room.finetune("--weights m --out-dir thesis");
    assert!(code == 1 && said.contains("thesis holds files that no run has written"), "{said}");
    assert_eq!(room.read("thesis/README.md"), "# My thesis");
    assert_eq!(fs::read_dir(room.at("thesis")).expect("a folder").count(), 1);
}
