//! What the command says, to those who use it well and to those who do not.

mod small;

use assert_cmd::Command;
use model::format;
use small::{SIZES, untrained};
use std::{fs, path::Path};

fn finetune() -> Command {
    let mut command = Command::cargo_bin("finetune").expect("the command of this crate");
    // Nothing in these tests may depend on weights that lie on this machine, nor fetch any.
    command
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_HUB_CACHE", "/nonexistent")
        .env("OLLAMA_HOST", "127.0.0.1:1");
    command
}

/// stdout, stderr and exit code.
fn said(command: &mut Command) -> (String, String, i32) {
    let output = command.output().expect("the command runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.code().expect("an exit code"))
}

/// A folder with a very small untrained model.
fn small_model(folder: &Path) {
    format::save(folder, &untrained(SIZES)).expect("a writable folder");
}

#[test]
fn help_comes_in_groups_and_ends_with_an_example() {
    let (help, _, code) = said(finetune().arg("--help").env("COLUMNS", "120"));
    assert_eq!(code, 0);
    let (lines, widest) =
        (help.lines().count(), help.lines().map(|line| line.chars().count()).max());
    assert!(lines <= 64 && widest <= Some(120), "{lines} lines, {widest:?} columns");
    assert!(
        help.trim_end().ends_with("cargo run -p finetune -- chat --weights runs/answers"),
        "{help}"
    );
    for group in ["Model and data:", "Training:", "Output:", "Judge:"] {
        assert!(help.contains(&format!("\n\n{group}\n")), "{help}");
    }
    for command in ["complete", "chat", "respond", "score", "export", "info"] {
        let (help, _, _) = said(finetune().args([command, "--help"]));
        assert!(help.contains(&format!("Example: cargo run -p finetune -- {command} ")), "{help}");
    }
}

#[test]
fn mistakes_in_usage_exit_with_2_and_others_with_1() {
    for (arguments, code, sentence) in [
        (&["--epochs", "0"][..], 2, "it must be a whole number of at least 1"),
        (&["--learning-rate", "-1"], 2, "--learning-rate"),
        (&["complete", "--stop", ""], 2, "a stop text must not be empty"),
        (&["complete", "a", "--prompt", "b"], 2, "cannot be used with"),
        (&["respond"], 2, "<FILE>"),
        (&["export", "--weights", "x"], 2, "--out <DIR>"),
        (&["completions", "tcsh"], 2, "invalid value 'tcsh'"),
        (&["complete", "--prompt", "", "--weights", "no/such"], 1, "error:"),
        (&["respond", "nowhere.json"], 1, "nowhere.json"),
        (&["chat", "--weights", "nowhere"], 1, "error: there is no folder nowhere"),
        (&["export", "--weights", "nowhere", "--out", "x"], 1, "error: there is no folder nowhere"),
        (
            &["--device", "tpu"],
            1,
            "error: the device \"tpu\" is unknown; there are cpu, cuda and mps",
        ),
        (
            &["complete", "--prompt", "a", "--dtype", "int9"],
            2,
            "weights are kept as f32, bf16 or int8",
        ),
        (
            &["complete", "--prompt", "a", "--max-new-tokens", "-1"],
            2,
            "it must be a whole number of at least 1",
        ),
        (
            &["chat", "--threads", "1025"],
            2,
            "'--threads <N>': it must be a whole number from 1 to 1024",
        ),
        (&["info", "no/such"], 1, "error:"),
        (
            &["--data", "nowhere.json", "--weights", "scratch"],
            1,
            "error: nowhere.json is neither a file nor a dataset",
        ),
        (&["score", "nowhere.json"], 1, "error: cannot read nowhere.json"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let (_, stderr, found) = said(finetune().current_dir(folder.path()).args(arguments));
        assert_eq!(found, code, "{arguments:?}: {stderr}");
        assert!(stderr.contains(sentence), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("frame #"), "{stderr}");
    }
}

#[test]
fn senseless_generation_settings_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    small_model(folder.path());
    for (arguments, sentence) in [
        (["--temperature", "-1"], "error: temperature is -1"),
        (["--temperature", "nan"], "error: temperature is NaN"),
        (["--temperature", "1e-40"], "error: temperature is 1e-40; below 0.000001 take 0"),
        (
            ["--top-k", "50258"],
            "error: top-k is 50258; it must lie between 1 and the 50257 entries",
        ),
        (["--top-k", "-1"], "error: top-k is -1; it must lie between 1 and the 50257 entries"),
        (["--top-p", "1.5"], "error: top-p is 1.5"),
    ] {
        let mut command = finetune();
        let command = command
            .args(["complete", "--prompt", "a", "--weights"])
            .arg(folder.path())
            .args(arguments);
        let (_, stderr, code) = said(command);
        assert!(code == 1 && stderr.contains(sentence), "{code}: {stderr}");
    }
}

#[test]
fn a_seed_gives_the_same_text_again_streamed_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    small_model(folder.path());
    let complete = |extra: &[&str]| {
        let mut command = finetune();
        command
            .args(["complete", "--prompt", "Once", "--max-new-tokens", "12", "--weights"])
            .arg(folder.path());
        said(command.args(extra)).0
    };
    let streamed = complete(&[]);
    assert!(streamed.starts_with("Once") && streamed.len() > 20, "{streamed}");
    assert_eq!(streamed, complete(&["--no-stream"]));
    assert_ne!(streamed, complete(&["--seed", "7"]));
    assert_eq!(complete(&["--num-samples", "3"]).matches("---\n").count(), 2);
}

#[test]
fn a_stop_text_ends_a_continuation_and_does_not_appear() {
    let folder = tempfile::tempdir().expect("a folder");
    small_model(folder.path());
    let complete = |extra: &[&str]| {
        let mut command = finetune();
        command
            .args(["complete", "--prompt", "Once", "--max-new-tokens", "9", "--weights"])
            .arg(folder.path());
        said(command.args(extra)).0
    };
    let whole = complete(&["--temperature", "2"]);
    let middle = whole.char_indices().nth(whole.chars().count() / 2).expect("a character").0;
    let (stop, rest) =
        (whole[middle..].chars().next().expect("a character").to_string(), &whole["Once".len()..]);
    let expected = format!("Once{}\n", &rest[..rest.find(&stop).expect("it is there")]);
    for how in ["--stream", "--no-stream"] {
        assert_eq!(complete(&["--temperature", "2", "--stop", &stop, how]), expected, "{how}");
    }
    // So small a share of the probability is reached by the most probable token alone.
    assert_eq!(
        complete(&["--temperature", "2", "--top-p", "1e-9"]),
        complete(&["--temperature", "0"])
    );
    assert_ne!(whole, complete(&["--temperature", "0"]));
}

#[test]
fn a_prompt_longer_than_the_context_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    small_model(folder.path());
    let long = "word ".repeat(100);
    let told = |words: &[&str], stdin: &str| {
        let mut command = finetune();
        command.current_dir(folder.path()).args(words).args([
            "--max-new-tokens",
            "2",
            "--weights",
            ".",
        ]);
        let (_, stderr, code) = said(command.write_stdin(stdin));
        assert_eq!(code, 0, "{stderr}");
        stderr
    };
    let end = "tokens, the model sees 64: it reads only the last ones\n";
    assert_eq!(told(&["complete", "--prompt", &long], ""), format!("the prompt has 101 {end}"));
    assert_eq!(told(&["complete", "--prompt", "short"], ""), "");
    assert_eq!(
        told(&["chat"], &format!("short\n{long}\nshort\n")),
        format!("the prompt has 130 {end}")
    );
    let tasks = format!(
        r#"[{{"instruction": "a", "output": "b"}}, {{"instruction": "{long}", "output": "b"}}]"#
    );
    fs::write(folder.path().join("tasks.json"), tasks).expect("a file");
    assert_eq!(
        told(&["respond", "tasks.json"], ""),
        format!("some prompts (1 of 2) have up to 131 {end}")
    );
}

#[test]
fn questions_from_a_pipe_are_answered_line_by_line() {
    let folder = tempfile::tempdir().expect("a folder");
    small_model(folder.path());
    let mut command = finetune();
    let command = command.args(["chat", "--max-new-tokens", "3", "--weights"]).arg(folder.path());
    let (stdout, stderr, code) = said(command.write_stdin("What is red?\n\nWho is there?\n"));
    assert_eq!(code, 0, "{stderr}");
    assert!(!stdout.contains('>'), "no prompt in a pipe: {stdout}");
}

#[test]
fn an_exported_model_can_be_described_and_taken_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let exported = folder.path().join("exported");
    small_model(folder.path());
    let (_, stderr, code) = said(
        finetune().arg("export").arg("--weights").arg(folder.path()).arg("--out").arg(&exported),
    );
    assert_eq!(code, 0, "{stderr}");
    for file in [
        "model.safetensors",
        "config.json",
        "vocab.json",
        "merges.txt",
        "tokenizer_config.json",
        "Modelfile",
    ] {
        assert!(exported.join(file).is_file(), "{file} is missing");
    }
    let (described, stderr, code) = said(finetune().arg("info").arg(&exported));
    assert_eq!(code, 0, "{stderr}");
    assert!(described.contains("blocks.0.attention.key.weight"), "{described}");
    // A file in place of its folder is the same model; without its folder's config.json, it is what the file itself holds.
    assert_eq!(said(finetune().arg("info").arg(exported.join("model.safetensors"))).0, described);
    let alone = folder.path().join("alone.safetensors");
    fs::copy(exported.join("model.safetensors"), &alone).expect("a copy");
    let (tensors, stderr, code) = said(finetune().arg("info").arg(&alone));
    assert!(
        code == 0 && tensors.contains("tensors") && tensors.contains("h.0.attn.c_attn.weight"),
        "{tensors}{stderr}"
    );
    let (_, stderr, code) = said(finetune().arg("info").arg(exported.join("config.json")));
    assert!(
        code == 1 && stderr.contains("config.json is not a whole safetensors file"),
        "{stderr}"
    );
    let mut complete = finetune();
    let complete = complete.args(["complete", "--prompt", "a", "--weights"]);
    let (_, stderr, code) = said(complete.arg(exported.join("config.json")));
    assert!(code == 1 && stderr.contains("is a file, not a model; name the folder"), "{stderr}");
    assert_eq!(
        fs::read(folder.path().join("model.safetensors")).expect("a file"),
        fs::read(exported.join("model.safetensors")).expect("a file")
    );
}

#[test]
fn a_file_of_tasks_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    small_model(folder.path());
    let tasks = folder.path().join("tasks.json");
    fs::write(&tasks, r#"[{"instruction": "Say hello.", "output": "Hello."}]"#).expect("a file");
    let out = folder.path().join("answers.json");
    let mut command = finetune();
    command.arg("respond").arg(&tasks).arg("--out").arg(&out).args([
        "--max-new-tokens",
        "3",
        "--weights",
    ]);
    let (stdout, stderr, code) = said(command.arg(folder.path()));
    assert_eq!(code, 0, "{stderr}");
    for part in
        ["answered    1 of 1 entries", "exact match", "token F1", "loss of the expected answers"]
    {
        assert!(stdout.contains(part), "{part} is missing: {stdout}");
    }
    assert!(fs::read_to_string(&out).expect("a file").contains("model_response"));
}

#[test]
fn where_answers_cannot_be_written_none_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        folder.path().join("tasks.json"),
        r#"[{"instruction": "Say hello.", "output": "Hello."}]"#,
    )
    .expect("a file");
    for out in [".", "nowhere/answers.json"] {
        // The weights are not there either: the file is tried before they are looked for.
        let mut command = finetune();
        command.current_dir(folder.path()).args([
            "respond",
            "tasks.json",
            "--weights",
            "nobody",
            "--out",
            out,
        ]);
        let (_, stderr, code) = said(&mut command);
        let expected = format!("error: cannot write {out}; choose another --out: ");
        assert!(
            code == 1 && stderr.starts_with(&expected) && stderr.lines().count() == 1,
            "{code}: {stderr}"
        );
    }
}

#[test]
fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let (script, _, code) = said(finetune().args(["completions", shell]));
        assert!(code == 0 && script.contains("finetune"), "{shell}");
    }
}

#[test]
fn answers_are_counted_without_a_judge_and_a_sentence_says_where_none_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("responses.json");
    fs::write(
        &file,
        r#"[{"instruction": "Say hello.", "output": "Hello.", "model_response": "Hi."}]"#,
    )
    .expect("a file");
    let (stdout, stderr, code) = said(finetune().arg("score").arg(&file));
    assert!(
        code == 1 && stdout == "test        exact match 0.0 %, token F1 0.000, over 1 answers\n",
        "{code}: {stdout}"
    );
    let last = stderr.lines().last().expect("a line");
    assert!(last.starts_with("error: ") && last.contains("127.0.0.1:1"), "{last}");
    fs::write(&file, "[]").expect("a file");
    let (_, stderr, code) = said(finetune().arg("score").arg(&file));
    assert!(code == 1 && stderr.contains("it has no entry"), "{stderr}");
}

/// As `finetune … | head` does, once it has seen enough.
#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_is_no_error_to_speak_of() {
    let folder = tempfile::tempdir().expect("a folder");
    small_model(folder.path());
    let folder = folder.path().display().to_string();
    for arguments in [
        &["info", &folder][..],
        &["completions", "bash"],
        &["complete", "--prompt", "a", "--weights", &folder],
    ] {
        let (closed, writer) = std::io::pipe().expect("a pipe");
        drop(closed);
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_finetune"));
        let output = command
            .args(arguments)
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .output()
            .expect("it runs");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn no_color_and_a_pipe_switch_colors_off() {
    let (stdout, stderr, _) =
        said(finetune().env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").arg("--epochs=0"));
    assert!(!stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'), "{stderr}");
}

#[test]
fn the_whole_way_runs_on_a_small_model_and_leaves_everything_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let (weights, out) = (folder.path().join("weights"), folder.path().join("run"));
    small_model(&weights);
    // The seventeenth of twenty is the first to be asked afterwards.
    let asked = |i| if i == 16 { " again".repeat(40) } else { String::new() };
    let entries: Vec<String> = (0..20)
        .map(|i| {
            let again = asked(i);
            format!(r#"{{"instruction": "Count to {i}{again}.", "input": "", "output": "The number is {i}."}}"#)
        })
        .collect();
    let data = folder.path().join("data.json");
    fs::write(&data, format!("[{}]", entries.join(","))).expect("a file");
    let mut command = finetune();
    command
        .args(["--epochs", "1", "--batch-size", "4", "--max-new-tokens", "4", "--data"])
        .arg(&data);
    let (stdout, stderr, code) =
        said(command.arg("--weights").arg(&weights).arg("--out-dir").arg(&out));
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("some prompts (1 of 2) have up to 74 tokens, the model sees 64"),
        "{stderr}"
    );
    for part in ["validation  loss", "before", "after", "expected", "wrote"] {
        assert!(stdout.contains(part), "{part} is missing: {stdout}");
    }
    assert!(stdout.lines().count() <= 40, "{stdout}");
    assert!(stderr.contains("no judge answers"), "{stderr}");
    for file in [
        "model.safetensors",
        "config.json",
        "vocab.json",
        "responses.json",
        "loss.svg",
        "metrics.jsonl",
        "README.md",
    ] {
        assert!(out.join(file).is_file(), "{file} is missing");
    }
}
