//! Where weights are found, and what is said when they are not; the hub is a server on the loopback address.

#[allow(dead_code)] // the downloads of xtask are tested with more of it
#[path = "../../../xtask/tests/server/mod.rs"]
mod server;
mod small;

use model::format::{self, CONFIG, WEIGHTS};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;
use train::run::{environment::Token, hub::Hub};

/// The commit that `data/datasets.json` pins GPT-2's weights to.
const PINNED: &str = "607a30d783dfa663caf39e06633721c8d4cfcd7e";

fn hub(room: &TempDir, endpoint: &str, offline: bool) -> Hub {
    Hub {
        root: room.path().to_owned(),
        cache: Some(room.path().join("cache")),
        endpoint: endpoint.to_owned(),
        offline,
        token: None,
    }
}

fn room() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Lays a snapshot into the cache as Python's library does, weights last.
fn snapshot(room: &TempDir, repository: &str, revision: &str, complete: bool) -> PathBuf {
    let folder = room.path().join("cache").join(repository).join("snapshots").join(revision);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(CONFIG), "{}").expect("written");
    if complete {
        fs::write(folder.join(WEIGHTS), "").expect("written");
    }
    folder
}

#[test]
fn a_folder_is_taken_as_it_is_if_it_holds_a_model() {
    let _alone = small::alone();
    let room = room();
    let name = room.path().to_str().expect("UTF-8");
    let said = hub(&room, "", true).find(name).expect_err("an empty folder").to_string();
    assert!(
        said.contains("holds no model: model.safetensors and config.json must be there"),
        "{said}"
    );
    format::save(room.path(), &small::model(small::CONFIG)).expect("saved");
    assert_eq!(hub(&room, "", true).find(name).expect("a model"), room.path());
}

#[test]
fn the_cache_of_the_python_library_is_used_pinned_revision_first() {
    let room = room();
    let find = || hub(&room, "", true).find("gpt2").expect("a snapshot");
    let old = snapshot(&room, "models--gpt2", "0001", true);
    assert_eq!(find(), old, "the name that the hub used to have");
    let only = snapshot(&room, "models--openai-community--gpt2", "0002", true);
    snapshot(&room, "models--openai-community--gpt2", "0003", false);
    assert_eq!(find(), only, "a snapshot without weights is none");
    let main = snapshot(&room, "models--openai-community--gpt2", "0004", true);
    point_main(&room, "models--openai-community--gpt2", "0004");
    assert_eq!(find(), main);
    let pinned = snapshot(&room, "models--openai-community--gpt2", PINNED, true);
    assert_eq!(find(), pinned);
}

fn point_main(room: &TempDir, repository: &str, revision: &str) {
    let refs = room.path().join("cache").join(repository).join("refs");
    fs::create_dir_all(&refs).expect("a folder");
    fs::write(refs.join("main"), revision).expect("written");
}

#[test]
fn a_broken_snapshot_is_named_and_never_silently_replaced() {
    let room = room();
    let name = "models--some-one--tiny";
    snapshot(&room, name, "aaaa", false);
    snapshot(&room, name, "bbbb", true);
    point_main(&room, name, "aaaa");
    let refused =
        || format!("{:#}", hub(&room, "", true).find("some-one/tiny").expect_err("broken"));
    let said = refused();
    assert!(
        said.starts_with("the cache has some-one/tiny at revision aaaa, which holds no model"),
        "{said}"
    );
    assert!(said.contains("; whole are bbbb, which --weights "), "{said}");
    fs::remove_dir_all(room.path().join("cache").join(name).join("snapshots/bbbb")).expect("there");
    let snapshot = room.path().join("cache").join(name).join("snapshots/aaaa");
    std::os::unix::fs::symlink("../../blobs/gone", snapshot.join(WEIGHTS)).expect("a link");
    let said = refused();
    assert!(
        said.contains("holds config.json, but no whole weights: model.safetensors is a link to a file that is gone"),
        "{said}"
    );
}

#[test]
fn without_a_main_revision_the_only_snapshot_counts_and_several_are_refused() {
    let room = room();
    let find = || hub(&room, "", true).find("some-one/tiny");
    let only = snapshot(&room, "models--some-one--tiny", "aaaa", true);
    assert_eq!(find().expect("the only one"), only);
    snapshot(&room, "models--some-one--tiny", "bbbb", true);
    let said = find().expect_err("two").to_string();
    assert!(said.contains("several revisions of some-one/tiny, and no refs/main says which counts; whole are aaaa, bbbb"), "{said}");
}

#[test]
fn a_name_from_before_models_had_owners_is_found_under_both() {
    for repository in ["models--distilgpt2", "models--distilbert--distilgpt2"] {
        let room = room();
        let folder = snapshot(&room, repository, "aaaa", true);
        for name in ["distilgpt2", "distilbert/distilgpt2"] {
            assert_eq!(hub(&room, "", true).find(name).expect("in the cache"), folder);
        }
    }
    let room = room();
    let folder = snapshot(&room, "models--gpt2", "aaaa", true);
    assert_eq!(hub(&room, "", true).find("openai-community/gpt2").expect("in the cache"), folder);
}

#[test]
fn offline_nothing_is_asked_for() {
    let room = room();
    let server = server::serve(|_, stream| server::head(stream, "200 OK", 0, ""));
    let hub = hub(&room, &server.url, true);
    for name in ["gpt2-medium", "someone/something"] {
        let said = hub.find(name).expect_err("not here").to_string();
        let expected = format!(
            "the weights of {name} are not on this machine, and HF_HUB_OFFLINE forbids fetching them"
        );
        assert!(said.starts_with(&expected), "{said}");
    }
    assert!(server.asked().is_empty());
}

#[test]
fn names_that_cannot_be_are_refused_without_asking() {
    let room = room();
    for name in ["nothing", "../secrets", "a/b/c", "a/..", "/etc"] {
        if !Path::new(name).is_dir() {
            let said =
                hub(&room, "http://127.0.0.1:1", false).find(name).expect_err(name).to_string();
            assert!(said.starts_with("there is no folder"), "{said}");
        }
    }
}

#[test]
fn the_address_of_a_model_is_answered_by_its_name_and_no_name_by_what_is_wanted() {
    let room = room();
    for address in [
        "https://huggingface.co/some-one/tiny",
        "https://huggingface.co/some-one/tiny/tree/main?x=1",
        "hf.co/some-one/tiny/",
        "hf://some-one/tiny",
    ] {
        let said = hub(&room, "http://127.0.0.1:1", false).find(address).expect_err(address);
        assert_eq!(
            said.to_string(),
            format!("{address} is the address of a model; its name is some-one/tiny")
        );
    }
    let said = hub(&room, "", false).find("").expect_err("empty").to_string();
    assert!(said.starts_with("the name of the weights is empty"), "{said}");
}

#[test]
fn an_address_of_the_hub_that_is_none_is_named_before_anything_is_asked() {
    let room = room();
    for endpoint in ["huggingface.co", "ftp://x", "https://"] {
        for name in ["gpt2", "some-one/tiny"] {
            let said = hub(&room, endpoint, false).find(name).expect_err(endpoint).to_string();
            assert!(
                said.starts_with(&format!("HF_ENDPOINT is {endpoint}, which is not an address")),
                "{said}"
            );
        }
    }
}

#[test]
fn a_model_of_anyone_is_fetched_once_and_loads() {
    let _alone = small::alone();
    let (room, source) = (room(), room());
    let config = model::config::Gpt2Config { vocab_size: 50257, ..small::CONFIG };
    let model = model::gpt2::Gpt2::new(config, tch::Device::Cpu).expect("a possible model");
    format::save(source.path(), &model).expect("saved");
    let files =
        [CONFIG, WEIGHTS].map(|name| (name, fs::read(source.path().join(name)).expect("a file")));
    let server = server::serve(move |asked, stream| {
        let name = asked.path.strip_prefix("/some-one/tiny.gpt2/resolve/main/");
        match files.iter().find(|(file, _)| name == Some(file)) {
            Some((_, bytes)) => server::send(stream, asked, bytes),
            None => server::head(stream, "404 Not Found", 0, ""),
        }
    });
    let hub = hub(&room, &server.url, false);
    let folder = hub.find("some-one/tiny.gpt2").expect("fetched");
    let fetched = format::load(&folder, tch::Device::Cpu).expect("a model");
    assert_eq!(small::bits(&fetched), small::bits(&model));
    let asked = server.asked().len();
    assert_eq!(hub.find("some-one/tiny.gpt2").expect("here"), folder);
    assert_eq!(server.asked().len(), asked, "it was here already");
    let said = hub.find("some-one/else").expect_err("not there").to_string();
    assert!(said.contains("config.json") && said.contains("404"), "{said}");
}

/// A hub with one model, which answers `status` to those who do not show the token, and hands weights out from a store of another
/// host; and what it was shown by whom.
fn private_hub(status: &'static str, headers: &'static str) -> (server::Server, server::Server) {
    let source = room();
    let config = model::config::Gpt2Config { vocab_size: 50257, ..small::CONFIG };
    let model = model::gpt2::Gpt2::new(config, tch::Device::Cpu).expect("a possible model");
    format::save(source.path(), &model).expect("saved");
    let [config, weights] =
        [CONFIG, WEIGHTS].map(|name| fs::read(source.path().join(name)).expect("a file"));
    let store = server::serve(move |asked, stream| server::send(stream, asked, &weights));
    let address = store.url.clone();
    let hub = server::serve(move |asked, stream| {
        if asked.authorization.as_deref() != Some("Bearer hf_Right") {
            server::head(stream, status, 0, headers);
        } else if asked.path.ends_with(CONFIG) && !asked.path.contains("_config") {
            server::send(stream, asked, &config);
        } else if asked.path.ends_with(WEIGHTS) {
            server::head(stream, "302 Found", 0, &format!("location: {address}/blob\r\n"));
        } else {
            server::head(stream, "404 Not Found", 0, "x-error-code: EntryNotFound\r\n");
        }
    });
    (hub, store)
}

fn with_token(room: &TempDir, endpoint: &str, value: &str) -> Hub {
    let token = Token { value: value.to_owned(), source: "HF_TOKEN".to_owned() };
    Hub { token: Some(token), ..hub(room, endpoint, false) }
}

#[test]
fn the_token_is_shown_to_the_hub_and_never_to_whom_it_redirects() {
    let _alone = small::alone();
    let (server, store) = private_hub("401 Unauthorized", "");
    let room = room();
    let folder = with_token(&room, &server.url, "hf_Right").find("some-one/tiny").expect("fetched");
    format::load(&folder, tch::Device::Cpu).expect("a model");
    assert!(server.asked().iter().all(|asked| asked.authorization.is_some()));
    assert!(!store.asked().is_empty());
    assert!(store.asked().iter().all(|asked| asked.authorization.is_none()));
}

/// The revision is asked for once; all files are of that commit, and a half-fetched older one is not mixed with it.
#[test]
fn a_model_is_fetched_at_one_commit_which_is_kept() {
    let _alone = small::alone();
    let source = room();
    let config = model::config::Gpt2Config { vocab_size: 50257, ..small::CONFIG };
    let model = model::gpt2::Gpt2::new(config, tch::Device::Cpu).expect("a possible model");
    format::save(source.path(), &model).expect("saved");
    let files = [CONFIG, WEIGHTS].map(|name| fs::read(source.path().join(name)).expect("a file"));
    let server = server::serve(move |asked, stream| match asked.path.as_str() {
        "/some-one/tiny/resolve/main/config.json" => {
            server::head(stream, "200 OK", 0, "x-repo-commit: abc123\r\n");
        }
        "/some-one/tiny/resolve/abc123/config.json" => server::send(stream, asked, &files[0]),
        "/some-one/tiny/resolve/abc123/model.safetensors" => {
            server::send(stream, asked, &files[1]);
        }
        _ => server::head(stream, "404 Not Found", 0, ""),
    });
    let room = room();
    let older = room.path().join("data/public/hub/some-one--tiny");
    fs::create_dir_all(&older).expect("a folder");
    fs::write(older.join(".revision"), "0ld").expect("written");
    fs::write(older.join(CONFIG), "{\"vocab_size\": 7}").expect("written");
    let folder = hub(&room, &server.url, false).find("some-one/tiny").expect("fetched");
    assert_eq!(train::run::fetch::revision(&folder).as_deref(), Some("abc123"));
    format::load(&folder, tch::Device::Cpu).expect("a model of one commit");
    let of_main = server.asked().iter().filter(|asked| asked.path.contains("/main/")).count();
    assert_eq!(of_main, 1, "only to learn the commit");
}

/// The weights whose SHA-256 we know are public, but a hub at another address may want to know who asks.
#[test]
fn the_token_is_shown_for_pinned_weights_too() {
    let server = server::serve(|_, stream| server::head(stream, "404 Not Found", 0, ""));
    let room = room();
    let said = train_with(&room, &server.url, "--init gpt2-large", &[("HF_TOKEN", "hf_Right")]);
    assert_eq!(said.0, Some(1), "{}", said.1);
    let asked = server.asked();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|asked| asked.authorization.as_deref() == Some("Bearer hf_Right")));
    assert!(said.1.contains("openai-community/gpt2-large: revision 32b71b12"), "{}", said.1);
}

#[test]
fn each_refusal_of_the_hub_is_told_with_its_way_out() {
    let _alone = small::alone();
    let gated = "x-error-code: GatedRepo\r\n";
    let (private, accepts) = ("it is private, or there is no such model", "accepted its terms");
    for (status, headers, token, expected) in [
        ("401 Unauthorized", "x-error-code: RepoNotFound\r\n", None, private),
        ("401 Unauthorized", gated, None, accepts),
        ("401 Unauthorized", "", Some("hf_wrong"), "does not accept the token of HF_TOKEN"),
        ("403 Forbidden", gated, Some("hf_other"), "ask for access at "),
        ("404 Not Found", "x-error-code: RepoNotFound\r\n", None, "has no model some-one/tiny"),
        (
            "404 Not Found",
            "x-error-code: EntryNotFound\r\n",
            None,
            "some-one/tiny has no config.json",
        ),
    ] {
        let (server, _store) = private_hub(status, headers);
        let room = room();
        let hub = match token {
            Some(token) => with_token(&room, &server.url, token),
            None => hub(&room, &server.url, false),
        };
        let said = format!("{:#}", hub.find("some-one/tiny").expect_err(status));
        assert!(said.contains(expected) && said.contains(&status[..3]), "{said}");
        assert!(!said.contains("hf_wrong") && !said.contains("connection"), "{said}");
    }
}

#[test]
fn a_model_of_the_hub_with_another_tokenizer_is_refused_before_its_weights_are_fetched() {
    let room = room();
    let server = server::serve(|asked, stream| match asked.path.rsplit('/').next() {
        Some(CONFIG) => {
            server::send(stream, asked, b"{\"model_type\": \"gpt2\", \"vocab_size\": 21128}");
        }
        Some("tokenizer_config.json") => {
            server::send(stream, asked, b"{\"tokenizer_class\": \"BertTokenizer\"}");
        }
        _ => server::head(stream, "404 Not Found", 0, ""),
    });
    let said = format!("{:#}", hub(&room, &server.url, false).find("a-b/c").expect_err("refused"));
    assert!(said.contains("tokenizer_config.json names the tokenizer BertTokenizer"), "{said}");
    assert!(server.asked().iter().all(|asked| !asked.path.contains(WEIGHTS)));
}

#[test]
fn a_model_of_the_hub_in_several_files_is_fetched_whole_or_not_taken() {
    let room = room();
    let index = br#"{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}"#;
    let server = server::serve(move |asked, stream| match asked.path.rsplit('/').next() {
        Some(CONFIG) => server::send(stream, asked, b"{\"model_type\": \"gpt2\"}"),
        Some("model.safetensors.index.json") => server::send(stream, asked, index),
        Some("model-00001-of-00002.safetensors") => server::send(stream, asked, b"first"),
        _ => server::head(stream, "404 Not Found", 0, ""),
    });
    let find = || format!("{:#}", hub(&room, &server.url, false).find("a-b/c").expect_err("half"));
    assert!(find().contains("model-00002-of-00002.safetensors"));
    assert!(
        find().contains("model-00002-of-00002.safetensors"),
        "the half is not taken for a model"
    );
    let pickle = server::serve(|asked, stream| match asked.path.rsplit('/').next() {
        Some(CONFIG) => server::send(stream, asked, b"{\"model_type\": \"gpt2\"}"),
        _ => server::head(stream, "404 Not Found", 0, ""),
    });
    let said =
        format!("{:#}", hub(&room, &pickle.url, false).find("d-e/f").expect_err("no weights"));
    assert!(
        said.contains("d-e/f has no model.safetensors") && said.contains("save_pretrained"),
        "{said}"
    );
}

#[test]
fn a_path_that_is_not_there_is_never_asked_of_the_hub() {
    let room = room();
    let server = server::serve(|_, stream| server::head(stream, "200 OK", 0, ""));
    // The folder src of this crate exists, so that src/… is a path.
    for name in ["runs/nope", "src/nope", "./nope", "a/b/c", "runs/nope/", "~/nope", "nope"] {
        let said = hub(&room, &server.url, false).find(name).expect_err(name).to_string();
        assert!(said.starts_with("there is no folder"), "{said}");
    }
    assert!(server.asked().is_empty());
}

/// What `train` says where the hub is `endpoint`, and its exit code; the folder it runs in, with a text, passes for a project's root.
fn train(room: &TempDir, endpoint: &str, words: &str) -> (Option<i32>, String) {
    train_with(room, endpoint, words, &[])
}

fn train_with(
    room: &TempDir,
    endpoint: &str,
    words: &str,
    variables: &[(&str, &str)],
) -> (Option<i32>, String) {
    fs::create_dir(room.path().join("data")).expect("a folder");
    for (file, text) in [
        ("data/datasets.json", "{}"),
        ("Cargo.toml", ""),
        ("text.txt", embedding::support::texts::STORY),
    ] {
        fs::write(room.path().join(file), text).expect("written");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_train"))
        .current_dir(room.path())
        .args(words.split_whitespace())
        .args(["--text", "text.txt", "--context", "8", "--max-steps", "1", "--threads", "1"])
        .env("HF_ENDPOINT", endpoint)
        .env("HF_HUB_CACHE", room.path().join("cache"))
        .env_remove("HF_HUB_OFFLINE")
        .envs(variables.iter().copied())
        .output()
        .expect("it runs");
    (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
}

/// The hub hands out other weights than those whose SHA-256 is pinned: the command refuses them in one sentence.
#[test]
fn weights_that_are_not_the_published_ones_are_refused() {
    let room = room();
    let server = server::serve(|asked, stream| {
        server::send(stream, asked, b"{\"not\": \"what was published\"}");
    });
    let (code, said) = train(&room, &server.url, "--init gpt2");
    assert_eq!(code, Some(1), "{said}");
    let last = said.lines().last().expect("a line");
    assert!(
        last.starts_with("error: gpt2 is not here yet")
            && last.contains("127.0.0.1 offers 29 bytes where 665"),
        "{last}"
    );
    assert!(server.asked()[0].path.contains(PINNED), "{:?}", server.asked());
    assert!(!room.path().join("data/public/gpt2/config.json").exists());
}

/// No SHA-256 is pinned for gpt2-large: the one that the hub names is what its file is checked by.
#[test]
fn where_no_hash_is_pinned_the_hubs_own_decides() {
    let _alone = small::alone();
    let source = room();
    let config = model::config::Gpt2Config { vocab_size: 50257, ..small::CONFIG };
    let model = model::gpt2::Gpt2::new(config, tch::Device::Cpu).expect("a possible model");
    format::save(source.path(), &model).expect("saved");
    let files = [CONFIG, WEIGHTS].map(|name| fs::read(source.path().join(name)).expect("a file"));
    let promised = xtask::download::sha256(&source.path().join(WEIGHTS)).expect("a hash");
    for lies in [false, true] {
        let room = room();
        let (files, sent) = (files.clone(), promised.clone());
        let server = server::serve(move |asked, stream| match asked.path.rsplit('/').next() {
            Some(CONFIG) => server::send(stream, asked, &files[0]),
            Some(WEIGHTS) => {
                let headers = format!("location: /store\r\nx-linked-etag: \"{sent}\"\r\n");
                server::head(stream, "302 Found", 0, &headers);
            }
            _ if lies => server::send(stream, asked, &vec![0; files[1].len()]),
            _ => server::send(stream, asked, &files[1]),
        });
        let (code, said) = train(&room, &server.url, "--init gpt2-large");
        assert_eq!(code, Some(i32::from(lies)), "{said}");
        assert_eq!(room.path().join("data/public/gpt2-large/model.safetensors").exists(), !lies);
        let last = said.lines().last().expect("a line");
        let refused = last.starts_with("error: gpt2-large is not here yet")
            && last.contains(&format!("instead of {promised}"));
        assert_eq!(refused, lies, "{last}");
    }
}
