//! Models that people bring, as the commands take or refuse them.

mod small;

use assert_cmd::Command;
use embedding::bpe::BytePairEncoder;
use model::{
    config::{Gelu, Gpt2Config},
    format::{self, CONFIG, WEIGHTS, tokenizer_files},
};
use serde_json::{Value, json};
use small::{SIZES, untrained};
use std::{fs, path::Path};
use tempfile::TempDir;

const CAT: i64 = 3797;

/// A folder with a model that scores some ids, given with their logits, above all others.
fn always(folder: &Path, sizes: Gpt2Config, ids: &[(i64, f64)]) {
    format::save(folder, &small::always(sizes, ids)).expect("room");
}

/// A model whose weights are drawn so wide that its next token is a clear choice.
fn drawn(folder: &Path, sizes: Gpt2Config) {
    tch::manual_seed(1);
    let model = untrained(sizes);
    tch::no_grad(|| {
        for weight in model.store.variables().values_mut().filter(|weight| weight.dim() == 2) {
            let _ = weight.g_mul_scalar_(15.0);
        }
    });
    format::save(folder, &model).expect("room");
}

fn room() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn finetune(room: &TempDir, words: &[&str]) -> (String, String, i32) {
    let output = Command::cargo_bin("finetune")
        .expect("the command of this crate")
        .current_dir(room.path())
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_HUB_CACHE", "/nonexistent")
        .args(words)
        .output()
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.code().expect("an exit code"))
}

#[track_caller]
fn refused(room: &TempDir, words: &[&str], expected: &str) {
    let (printed, said, code) = finetune(room, words);
    assert_eq!((printed.as_str(), code), ("", 1), "{said}");
    let last = said.lines().last().expect("a sentence");
    assert!(
        last.starts_with("error: ") && last.contains(expected),
        "`{expected}` is not in: {said}"
    );
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

fn configure(folder: &Path, key: &str, value: Value) {
    let mut json = read(&folder.join(CONFIG));
    json[key] = value;
    fs::write(folder.join(CONFIG), json.to_string()).expect("room");
}

#[test]
fn rows_of_padding_are_never_written_by_any_command() {
    let room = room();
    let padded = Gpt2Config { vocab_size: 50304, ..SIZES };
    always(&room.path().join("m"), padded, &[(50300, 14.0), (50257, 13.0), (CAT, 12.0)]);
    for words in [
        &["--temperature", "0"][..],
        &["--temperature", "0.1"],
        &["--temperature", "0.1", "--top-k", "50257"],
        &["--temperature", "0", "--dtype", "int8"],
    ] {
        let first = ["complete", "--weights", "m", "--prompt", "A", "--max-new-tokens", "3"];
        let (printed, said, code) = finetune(&room, &[&first, words].concat());
        assert_eq!((printed.as_str(), code), ("A cat cat cat\n", 0), "{said}");
    }
    refused(
        &room,
        &["complete", "--weights", "m", "--prompt", "A", "--top-k", "50258"],
        "top-k is 50258; it must lie between 1 and the 50257 entries of the vocabulary",
    );
    fs::write(room.path().join("t.json"), r#"[{"instruction": "a", "output": "b"}]"#)
        .expect("room");
    let words = ["respond", "t.json", "--weights", "m", "--out", "a.json", "--max-new-tokens", "2"];
    assert_eq!(finetune(&room, &words).2, 0);
    assert_eq!(read(&room.path().join("a.json"))[0]["model_response"], "cat cat");
}

#[test]
fn a_model_for_another_tokenizer_is_refused_by_every_command_that_writes_text() {
    let room = room();
    let folder = room.path().join("m");
    always(&folder, Gpt2Config { vocab_size: 50304, ..SIZES }, &[(CAT, 12.0)]);
    fs::write(folder.join("tokenizer_config.json"), r#"{"tokenizer_class": "BertTokenizer"}"#)
        .expect("room");
    fs::write(room.path().join("t.json"), r#"[{"instruction": "a", "output": "b"}]"#)
        .expect("room");
    for words in [
        &["complete", "--prompt", "A"][..],
        &["chat"],
        &["respond", "t.json", "--out", "a.json"],
        &["export", "--out", "e"],
        &["--out-dir", "o"],
    ] {
        refused(&room, &[words, &["--weights", "m"]].concat(), "names the tokenizer BertTokenizer");
    }
    assert!(!room.path().join("e").exists());
    assert_eq!(finetune(&room, &["info", "m"]).2, 0, "what it consists of can be looked at");
}

#[test]
fn an_export_keeps_the_models_own_tokenizer_its_end_and_its_dropout() {
    let room = room();
    let (folder, out) = (room.path().join("m"), room.path().join("e"));
    always(&folder, Gpt2Config { vocab_size: 50258, ..SIZES }, &[(CAT, 12.0)]);
    let added = r#"{"<|im_end|>": 50257}"#;
    fs::write(folder.join("added_tokens.json"), added).expect("room");
    let settings = r#"{"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|im_end|>"}"#;
    fs::write(folder.join("tokenizer_config.json"), settings).expect("room");
    configure(&folder, "embd_pdrop", json!(0.25));
    let (_, said, code) = finetune(&room, &["export", "--weights", "m", "--out", "e"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("its texts end with <|im_end|>, which its tokenizer cannot write"),
        "{said}"
    );
    let kept = |name: &str| fs::read_to_string(out.join(name)).expect(name);
    assert_eq!(
        (kept("added_tokens.json").as_str(), kept("tokenizer_config.json").as_str()),
        (added, settings)
    );
    let config = read(&out.join(CONFIG));
    assert_eq!((&config["eos_token_id"], &config["embd_pdrop"]), (&json!(50257), &json!(0.25)));
    assert_eq!(config["resid_pdrop"], json!(0.1));
    assert_eq!(read(&out.join("generation_config.json"))["eos_token_id"], 50257);
    assert!(kept("vocab.json").contains("endoftext"), "what it lacked is GPT-2's");
}

#[test]
fn an_export_overwrites_nothing_unless_it_is_told_to() {
    let room = room();
    let folder = room.path().join("m");
    always(&folder, SIZES, &[(CAT, 12.0)]);
    fs::write(folder.join("tokenizer_config.json"), r#"{"model_max_length": 7}"#).expect("room");
    refused(&room, &["export", "--weights", "m", "--out", "m"], "m holds something already");
    let words = ["export", "--weights", "m", "--out", "m", "--force"];
    assert_eq!(finetune(&room, &words).2, 0);
    assert_eq!(read(&folder.join("tokenizer_config.json"))["model_max_length"], 7);
    assert!(
        finetune(&room, &["complete", "--weights", "m", "--prompt", "A"]).0.starts_with("A cat")
    );
}

#[test]
fn an_export_says_what_other_programs_do_otherwise() {
    let room = room();
    let sizes = Gpt2Config { hidden: 48, gelu: Gelu::Exact, ..SIZES };
    always(&room.path().join("m"), sizes, &[(CAT, 12.0)]);
    let (_, said, code) = finetune(&room, &["export", "--weights", "m", "--out", "e"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("compute GELU by its tanh form"), "{said}");
    let recipe = fs::read_to_string(room.path().join("e/Modelfile")).expect("a recipe");
    assert!(recipe.contains("\nPARAMETER num_ctx 64\n"), "{recipe}");
}

#[test]
fn a_path_that_is_not_there_is_told_with_the_nearest_runs() {
    let room = room();
    for (name, model) in [("finetune", true), ("finetune-2", true), ("empty", false)] {
        let folder = room.path().join("runs").join(name);
        fs::create_dir_all(&folder).expect("room");
        if model {
            always(&folder, SIZES, &[(CAT, 12.0)]);
        }
    }
    refused(
        &room,
        &["complete", "--prompt", "A", "--weights", "runs/finetun-2"],
        "there is no folder runs/finetun-2; the nearest runs are runs/finetune-2, runs/finetune",
    );
    refused(&room, &["info", "nope"], "there is no folder nope, nor a model of that name");
}

#[test]
fn runs_belong_to_the_project_wherever_the_command_stands() {
    let room = room();
    for (file, text) in [("Cargo.toml", ""), ("data/datasets.json", "{}"), ("crates/x", "")] {
        let path = room.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("room");
        fs::write(path, text).expect("room");
    }
    always(&room.path().join("runs/finetune"), SIZES, &[(CAT, 12.0)]);
    let words =
        ["complete", "--prompt", "A", "--weights", "runs/finetune", "--max-new-tokens", "1"];
    let inside = Command::cargo_bin("finetune")
        .expect("the command of this crate")
        .current_dir(room.path().join("crates"))
        .args(words)
        .output()
        .expect("it runs");
    assert!(String::from_utf8_lossy(&inside.stdout).starts_with("A cat"));
}

#[test]
fn of_an_unfinished_run_the_newest_whole_checkpoint_is_taken_and_told() {
    let room = room();
    let checkpoints = room.path().join("run/checkpoints");
    always(&checkpoints.join("step-000010"), SIZES, &[(3290, 12.0)]);
    always(&checkpoints.join("step-000020"), SIZES, &[(CAT, 12.0)]);
    fs::create_dir(checkpoints.join("step-000030")).expect("room");
    let words = ["complete", "--weights", "run", "--prompt", "A", "--max-new-tokens", "1"];
    let (printed, said, code) = finetune(&room, &words);
    assert_eq!((printed.as_str(), code), ("A cat\n", 0), "{said}");
    assert!(
        said.contains(
            "run is not finished: taking its newest checkpoint, run/checkpoints/step-000020"
        ),
        "{said}"
    );
}

#[test]
fn a_folder_named_like_a_model_of_the_hub_is_taken_and_told() {
    let room = room();
    always(&room.path().join("gpt2"), SIZES, &[(CAT, 12.0)]);
    let words = ["complete", "--weights", "gpt2", "--prompt", "A", "--max-new-tokens", "1"];
    let (printed, said, code) = finetune(&room, &words);
    assert_eq!((printed.as_str(), code), ("A cat\n", 0), "{said}");
    assert!(said.contains("the folder gpt2 here, not the hub's model"), "{said}");
    fs::remove_file(room.path().join("gpt2").join(WEIGHTS)).expect("there");
    refused(&room, &words, "openai-community/gpt2 names the model of the hub");
}

/// The variables of the Hugging Face library, as its users write them.
#[test]
fn the_cache_is_found_by_each_of_its_variables_whatever_the_shell_has_left_of_them() {
    let room = room();
    let home = room.path().join("home");
    let hub = home.join("hf cache/hub");
    always(&hub.join("models--some-one--tiny/snapshots/abcd"), SIZES, &[(CAT, 12.0)]);
    let plain = hub.display().to_string();
    let variables = [
        "HF_HOME",
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "TRANSFORMERS_CACHE",
        "XDG_CACHE_HOME",
    ];
    for set in [
        &[("HF_HOME", "~/hf cache")][..],
        &[("HF_HOME", "$HOME/hf cache")],
        &[
            ("HF_HUB_CACHE", "${HOME}/hf cache/hub"),
            ("HUGGINGFACE_HUB_CACHE", "/no"),
            ("HF_HOME", "/no"),
        ],
        &[("HUGGINGFACE_HUB_CACHE", &plain), ("TRANSFORMERS_CACHE", "/no")],
        &[("TRANSFORMERS_CACHE", &plain), ("HF_HOME", "/no")],
        &[("HF_HUB_CACHE", ""), ("HF_HOME", "~/hf cache")],
    ] {
        let mut command = Command::cargo_bin("finetune").expect("the command of this crate");
        for variable in variables {
            command.env_remove(variable);
        }
        let output = command
            .current_dir(room.path())
            .env("HOME", &home)
            .env("HF_HUB_OFFLINE", "1")
            .envs(set.iter().copied())
            .args([
                "complete",
                "--weights",
                "some-one/tiny",
                "--prompt",
                "A",
                "--max-new-tokens",
                "1",
            ])
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "A cat\n", "{set:?}: {said}");
        assert!(said.contains("some-one/tiny: revision abcd, in "), "{said}");
    }
}

#[test]
fn a_vocabulary_of_ones_own_is_read_and_written_by_every_command() {
    let room = room();
    let own = BytePairEncoder::train(embedding::support::texts::STORY, 40).with_end_of_text();
    let sizes = Gpt2Config { vocab_size: 300, ..SIZES }; // three rows of padding
    let boat = own.encode("boat")[0];
    let folder = room.path().join("m");
    fs::create_dir_all(&folder).expect("room");
    tokenizer_files::write_own(&folder, &own, 64).expect("room");
    always(&folder, sizes, &[(boat, 12.0), (298, 20.0)]);
    let piece = String::from_utf8(own.piece(boat).expect("known").to_vec()).expect("text");

    let complete = ["complete", "--weights", "m", "--max-new-tokens", "2", "--temperature", "0"];
    let (text, said, code) = finetune(&room, &[&complete[..], &["--prompt", "A\u{e9}"]].concat());
    assert_eq!((text, code), (format!("A\u{e9}{piece}{piece}\n"), 0), "{said}");
    fs::write(room.path().join("t.json"), r#"[{"instruction": "a", "output": "b"}]"#)
        .expect("room");
    let words = ["respond", "t.json", "--weights", "m", "--out", "a.json", "--max-new-tokens", "1"];
    assert_eq!(finetune(&room, &words).2, 0);
    assert_eq!(read(&room.path().join("a.json"))[0]["model_response"], *piece.trim());
    assert_eq!(finetune(&room, &["export", "--weights", "m", "--out", "e"]).2, 0);
    for (file, key) in [("config.json", "eos_token_id"), ("generation_config.json", "pad_token_id")]
    {
        assert_eq!(read(&room.path().join("e").join(file))[key], 296, "{file}");
    }
    let kept = |folder: &str| fs::read(room.path().join(folder).join("vocab.json")).expect("kept");
    assert_eq!(kept("e"), kept("m"));
    refused(&room, &["--weights", "m", "--vocab-size", "400"], "m comes with its own tokenizer");

    fs::write(folder.join("merges.txt"), "#version: 0.2\nx y\n").expect("room");
    fs::remove_file(folder.join("tokenizer.json")).expect("it was there");
    refused(&room, &[&complete[..], &["--prompt", "A"]].concat(), "merge 1 is \"x y\"");
}

#[test]
fn what_begins_with_a_checkpoint_has_the_vocabulary_of_its_run() {
    let room = room();
    let own = BytePairEncoder::train(embedding::support::texts::STORY, 40).with_end_of_text();
    let run = room.path().join("m");
    let checkpoint = run.join("checkpoints/best");
    fs::create_dir_all(&checkpoint).expect("room");
    tokenizer_files::write_own(&run, &own, 512).expect("room");
    drawn(&checkpoint, Gpt2Config { vocab_size: 297, context: 512, ..SIZES });
    let entry = serde_json::json!({ "instruction": "Say it.", "output": "b" });
    let entries = serde_json::to_string(&vec![entry; 12]).expect("JSON");
    fs::write(room.path().join("t.json"), entries).expect("room");

    let from = ["--weights", "m/checkpoints/best"];
    let words = [&["export", "--out", "exported"], &from[..]].concat();
    assert_eq!(finetune(&room, &words).2, 0);
    let data = ["--data", "t.json", "--epochs", "1", "--out-dir", "tuned"];
    let (_, said, code) = finetune(&room, &[&from[..], &data].concat());
    assert_eq!(code, 0, "{said}");
    let kept = |folder: &str| fs::read(room.path().join(folder).join("vocab.json")).expect("kept");
    for folder in ["exported", "tuned"] {
        assert_eq!(kept(folder), kept("m"), "{folder}");
    }
}

#[test]
fn a_text_is_measured_in_nats_perplexity_and_bits_and_a_text_of_one_token_is_refused() {
    let room = room();
    always(&room.path().join("m"), SIZES, &[]);
    let text = "Once there was a boat. ".repeat(40);
    fs::write(room.path().join("t.txt"), &text).expect("room");
    let (printed, said, code) =
        finetune(&room, &["eval", "t.txt", "--weights", "m", "--stride", "16"]);
    assert_eq!(code, 0, "{said}");
    let number = |name: &str| -> f64 {
        let line = printed.lines().find(|line| line.starts_with(name)).expect(name);
        line.split_whitespace().find_map(|word| word.parse().ok()).expect("a number")
    };
    assert!((number("loss").exp() / number("perplexity") - 1.0).abs() < 1e-3, "{printed}");
    let tokens = BytePairEncoder::gpt2().encode(&text).len();
    let bits =
        number("loss") / std::f64::consts::LN_2 * (tokens - 1) as f64 / (text.len() - 4) as f64;
    assert!((number("bits") / bits - 1.0).abs() < 1e-3, "{printed}, not {bits}");
    let plain = number("perplexity");
    for dtype in ["bf16", "int8"] {
        let of_type = ["eval", "t.txt", "--weights", "m", "--stride", "16", "--dtype", dtype];
        let (printed, said, code) = finetune(&room, &of_type);
        assert_eq!(code, 0, "{said}");
        let line = printed.lines().find(|line| line.starts_with("in ")).expect("a line more");
        let rounded = line.split_whitespace().find_map(|word| word.parse().ok());
        let change = rounded.map(|rounded: f64| (rounded / plain - 1.0).abs()).expect(line);
        assert!(change > 0.0 && change < 0.005, "{dtype}: {line}, in f32 {plain}");
    }
    fs::write(room.path().join("t.txt"), "a").expect("room");
    refused(&room, &["eval", "t.txt", "--weights", "m"], "t.txt has 1 tokens; two are needed");
    fs::write(room.path().join("t.txt"), "a b c").expect("room");
    refused(&room, &["eval", "t.txt", "--weights", "m", "--stride", "64"], "stride is 64");
}

#[test]
fn models_of_odd_shapes_write_the_lessons_text_on_any_number_of_threads_and_in_every_type() {
    let room = room();
    for [channels, heads, layers, hidden, context] in
        [[2, 2, 2, 8, 64], [6, 3, 2, 37, 32], [5, 5, 1, 20, 4], [9, 1, 3, 33, 16], [10, 2, 1, 1, 1]]
    {
        drawn(
            &room.path().join("m"),
            Gpt2Config { channels, heads, layers, hidden, context, ..SIZES },
        );
        let complete = |words: &str| {
            let fixed =
                "complete --weights m --prompt Hello,world --max-new-tokens 5 --temperature 0 ";
            let words: Vec<_> = fixed.split_whitespace().chain(words.split_whitespace()).collect();
            let (printed, said, code) = finetune(&room, &words);
            assert_eq!(code, 0, "{words:?}: {said}");
            printed
        };
        let lesson = complete("--path lesson");
        assert!(lesson.len() > "Hello,world\n".len(), "{lesson}");
        for threads in ["1", "2"] {
            assert_eq!(complete(&format!("--path fast --threads {threads}")), lesson, "{channels}");
        }
        for dtype in ["bf16", "int8"] {
            assert!(complete(&format!("--dtype {dtype}")).starts_with("Hello,world"));
        }
    }
}

#[test]
fn a_model_of_zeros_writes_the_first_id_in_every_type() {
    let room = room();
    let model = untrained(SIZES);
    tch::no_grad(|| {
        for weight in model.store.variables().values_mut() {
            let _ = weight.zero_();
        }
    });
    format::save(&room.path().join("z"), &model).expect("room");
    let words = ["complete", "--weights", "z", "--prompt", "A", "--max-new-tokens", "2"];
    for dtype in ["f32", "bf16", "int8"] {
        let words = [&words[..], &["--temperature", "0", "--dtype", dtype]].concat();
        assert_eq!(finetune(&room, &words).0, "A!!\n", "{dtype}");
    }
}

/// The format asks for no alignment, and files without it are common.
#[test]
fn weights_may_begin_at_any_byte() {
    let room = room();
    let folder = room.path().join("m");
    drawn(&folder, SIZES);
    let bytes = fs::read(folder.join(WEIGHTS)).expect("saved");
    let (length, rest) = bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
    let (header, numbers) = rest.split_at(usize::try_from(length).expect("a short header"));
    let shown = || {
        let words = ["complete", "--weights", "m", "--prompt", "Once", "--temperature", "0"];
        ["f32", "int8"].map(|dtype| finetune(&room, &[&words[..], &["--dtype", dtype]].concat()).0)
    };
    let (expected, table) = (shown(), finetune(&room, &["info", "m"]).0);
    for blanks in 1_u8..=4 {
        let length = (length + u64::from(blanks)).to_le_bytes();
        let file = [&length, header, " ".repeat(blanks.into()).as_bytes(), numbers].concat();
        fs::write(folder.join(WEIGHTS), file).expect("room");
        assert_eq!(shown(), expected, "{blanks} blanks more");
        assert_eq!(finetune(&room, &["info", "m"]).0, table, "{blanks} blanks more");
    }
}

/// `reorder_and_upcast_attn` only helps 16-bit floats: in float32 it changes no number.
#[test]
fn a_flag_that_changes_no_number_is_read_and_one_that_does_is_refused_by_name() {
    let room = room();
    let folder = room.path().join("m");
    drawn(&folder, SIZES);
    let words = ["complete", "--weights", "m", "--prompt", "Once", "--temperature", "0"];
    let (expected, _, code) = finetune(&room, &words);
    assert_eq!(code, 0);
    configure(&folder, "reorder_and_upcast_attn", json!(true));
    assert_eq!(finetune(&room, &words).0, expected);
    configure(&folder, "scale_attn_by_inverse_layer_idx", json!(true));
    refused(&room, &words, "scale_attn_by_inverse_layer_idx is true");
}

#[test]
fn prompts_and_stop_texts_are_taken_as_they_are_with_dashes_and_without_a_character() {
    let room = room();
    always(&room.path().join("m"), SIZES, &[(CAT, 12.0)]);
    let complete = |words: &[&str]| {
        let first = ["complete", "--weights", "m", "--max-new-tokens", "2", "--temperature", "0"];
        let (printed, said, code) = finetune(&room, &[&first, words].concat());
        assert_eq!(code, 0, "{words:?}: {said}");
        printed
    };
    for prompt in ["- milk", "--- Chapter 1 ---", "-- Act I", "-1", "--prompt"] {
        assert_eq!(complete(&["--prompt", prompt]), format!("{prompt} cat cat\n"));
    }
    assert_eq!(complete(&["--prompt", "A", "--stop", "---", "--stop", "-"]), "A cat cat\n");
    // Nothing to read is the token that ends texts, after which a new one begins.
    assert_eq!(complete(&["--prompt", ""]), " cat cat\n");
}

/// The numbers are those of OpenAI's pattern in Python's `regex` with the published ranks.
#[test]
fn the_tokens_of_odd_texts_are_counted_as_openai_counts_them_and_the_text_stays_as_it_is() {
    let room = room();
    always(&room.path().join("m"), Gpt2Config { context: 1, ..SIZES }, &[(CAT, 12.0)]);
    for (text, tokens) in [
        ("nbsp\u{a0}\u{a0}thin\u{2009}\u{200a}ideo\u{3000}\u{3000}end", 15),
        ("line\u{2028}para\u{2029}nel\u{85}x", 11),
        ("ctrl\u{1c}\u{1d}\u{1e}\u{1f}\u{7f}\u{1} end", 8),
        ("caf\u{e9} cafe\u{301} o\u{302}\u{323}x", 12),
        ("x\u{b2}\u{2167}\u{664}\u{665}\u{bf0} \u{bd}3\u{2075}", 16),
        (" leading and trailing  ", 5),
        ("\u{fffd}\u{fffe}\u{ffff}\u{10ffff} x", 12),
    ] {
        let words = ["complete", "--weights", "m", "--max-new-tokens", "1", "--temperature", "0"];
        let (printed, said, code) = finetune(&room, &[&words[..], &["--prompt", text]].concat());
        assert_eq!((printed, code), (format!("{text} cat\n"), 0), "{said}");
        assert!(said.contains(&format!("the prompt has {tokens} tokens")), "{text:?}: {said}");
    }
}
