//! A download ends with the whole file or with one sentence and no file, whatever the server does.

mod server;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use server::{head, send, serve};
use xtask::download::{Download, Limits};

/// 200,000 bytes without a pattern that a mistake in an offset could hide in.
fn file() -> Vec<u8> {
    (0..200_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn hash(bytes: &[u8]) -> String {
    let path = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(path.path(), bytes).expect("written");
    xtask::download::sha256(path.path()).expect("a hash")
}

/// A download of `file()` with little patience.
fn download(urls: &[&str]) -> Download {
    Download {
        urls: urls.iter().map(ToString::to_string).collect(),
        size: Some(200_000),
        sha256: Some(hash(&file())),
        token: None,
        limits: Limits {
            connect: Duration::from_secs(2),
            silence: Duration::from_millis(400),
            attempts: 3,
            pause: Duration::from_millis(10),
        },
    }
}

fn sentence(result: anyhow::Result<()>) -> String {
    format!("{:#}", result.expect_err("this cannot succeed"))
}

fn no_traces(folder: &Path) -> bool {
    fs::read_dir(folder).expect("a folder").next().is_none()
}

#[test]
fn a_cut_connection_is_resumed_where_it_broke() {
    let server = serve(|asked, stream| {
        if asked.number < 4 {
            let start = asked.range.unwrap_or(0);
            let range = format!("content-range: bytes {start}-199999/200000\r\n");
            let status = if start > 0 { "206 Partial Content" } else { "200 OK" };
            head(stream, status, 200_000 - start, &range);
            let _ = stream.write_all(&file()[start..start + 30_000]);
        } else {
            send(stream, asked, &file());
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    download(&[&server.url]).to(&path).expect("fetched, though cut four times with three attempts");
    assert_eq!(fs::read(&path).expect("the file"), file());
    let ranges: Vec<_> = server.asked().iter().map(|asked| asked.range).collect();
    assert_eq!(ranges, [None, Some(30_000), Some(60_000), Some(90_000), Some(120_000)]);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "the part is gone");
}

#[test]
fn a_second_run_goes_on_where_the_first_was_killed() {
    let server = serve(|asked, stream| send(stream, asked, &file()));
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file.part"), &file()[..150_000]).expect("a part");
    download(&[&server.url]).to(&folder.path().join("file")).expect("fetched");
    assert_eq!(server.asked()[0].range, Some(150_000));
    assert_eq!(fs::read(folder.path().join("file")).expect("the file"), file());
}

#[test]
fn a_part_of_another_file_is_thrown_away() {
    let server = serve(|asked, stream| send(stream, asked, &file()));
    let folder = tempfile::tempdir().expect("a folder");
    for size in [70_000, 200_000, 300_000] {
        let path = folder.path().join(size.to_string());
        fs::write(folder.path().join(format!("{size}.part")), vec![7; size]).expect("a part");
        download(&[&server.url]).to(&path).expect("fetched");
        assert_eq!(fs::read(&path).expect("the file"), file(), "{size}");
    }
}

#[test]
fn an_answer_of_200_to_a_range_begins_the_file_again() {
    let server = serve(|_, stream| {
        head(stream, "200 OK", 200_000, "");
        let _ = stream.write_all(&file());
    });
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file.part"), &file()[..150_000]).expect("a part");
    download(&[&server.url]).to(&folder.path().join("file")).expect("fetched");
    assert_eq!(server.asked().len(), 1);
    assert_eq!(fs::read(folder.path().join("file")).expect("the file"), file());
}

#[test]
fn without_any_hash_a_part_is_not_trusted() {
    let server = serve(|asked, stream| send(stream, asked, &file()));
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file.part"), vec![7; 100]).expect("a part");
    let download = Download { size: None, sha256: None, ..download(&[&server.url]) };
    download.to(&folder.path().join("file")).expect("fetched");
    assert_eq!(fs::read(folder.path().join("file")).expect("the file"), file());
}

#[test]
fn a_file_with_another_hash_never_gets_the_final_name() {
    let server = serve(|_, stream| {
        head(stream, "200 OK", 200_000, "");
        let _ = stream.write_all(&vec![1; 200_000]);
    });
    let folder = tempfile::tempdir().expect("a folder");
    let said = sentence(download(&[&server.url]).to(&folder.path().join("file")));
    assert!(
        said.contains("delivered a file with SHA-256") && said.contains(&hash(&file())),
        "{said}"
    );
    assert!(no_traces(folder.path()));
    assert_eq!(server.asked().len(), 1, "the same wrong file is not asked for again");
}

#[test]
fn a_file_of_another_size_is_refused_before_it_is_sent() {
    let server = serve(|_, stream| head(stream, "200 OK", 3_000_000_000, ""));
    let folder = tempfile::tempdir().expect("a folder");
    let said = sentence(download(&[&server.url]).to(&folder.path().join("file")));
    assert!(said.contains("offers 3000000000 bytes where 200000 were published"), "{said}");
}

#[test]
fn a_web_page_is_not_taken_for_the_file() {
    let page = "<!DOCTYPE html><html><body>Please sign in</body></html>";
    for kind in ["content-type: text/html; charset=utf-8\r\n", ""] {
        let server = serve(move |_, stream| {
            head(stream, "200 OK", page.len(), kind);
            let _ = stream.write_all(page.as_bytes());
        });
        let folder = tempfile::tempdir().expect("a folder");
        let download = Download { size: None, sha256: None, ..download(&[&server.url]) };
        let said = sentence(download.to(&folder.path().join("model.safetensors")));
        assert!(said.contains("web page instead of the file"), "{said}");
        assert!(no_traces(folder.path()));
    }
}

#[test]
fn a_redirection_is_followed_and_its_promised_hash_is_believed_only_if_the_file_keeps_it() {
    for (keeps_it, start) in [(true, "/here"), (true, "here"), (false, "/here")] {
        let promised = hash(&file());
        let server = serve(move |asked, stream| {
            if asked.path.ends_with("/here") {
                send(stream, asked, &if keeps_it { file() } else { vec![1; 200_000] });
            } else {
                let headers = format!(
                    "location: {start}\r\nx-linked-etag: \"{promised}\"\r\nx-linked-size: 200000\r\n"
                );
                head(stream, "302 Found", 0, &headers);
            }
        });
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let download = Download {
            size: None,
            sha256: None,
            ..download(&[&format!("{}/there/x", server.url)])
        };
        if keeps_it {
            download.to(&path).expect("fetched");
            assert_eq!(fs::read(&path).expect("the file"), file());
        } else {
            let said = sentence(download.to(&path));
            assert!(said.contains("instead of"), "{said}");
            assert!(!path.exists());
        }
    }
}

#[test]
fn endless_redirections_end() {
    let server = serve(|_, stream| head(stream, "302 Found", 0, "location: /again\r\n"));
    let folder = tempfile::tempdir().expect("a folder");
    let said = sentence(download(&[&server.url]).to(&folder.path().join("file")));
    assert!(said.contains("redirects more than 10 times"), "{said}");
}

#[test]
fn a_drip_of_single_bytes_is_given_up() {
    let server = serve(|_, stream| {
        head(stream, "200 OK", 200_000, "");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let mut download = download(&[&server.url]);
    download.limits.attempts = 1;
    let began = Instant::now();
    let said = sentence(download.to(&folder.path().join("file")));
    assert!(said.contains("sent only"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let server = serve(|_, stream| {
        head(stream, "200 OK", 200_000, "");
        let _ = stream.write_all(&[1; 1000]);
        std::thread::sleep(Duration::from_secs(20));
    });
    let folder = tempfile::tempdir().expect("a folder");
    let mut download = download(&[&server.url]);
    download.limits.attempts = 1;
    let said = sentence(download.to(&folder.path().join("file")));
    assert!(said.contains("fell silent"), "{said}");
}

#[test]
fn where_one_address_lacks_the_file_the_next_is_asked() {
    let poor = serve(|_, stream| head(stream, "404 Not Found", 0, ""));
    let rich = serve(|asked, stream| send(stream, asked, &file()));
    let folder = tempfile::tempdir().expect("a folder");
    download(&[&poor.url, &rich.url]).to(&folder.path().join("file")).expect("fetched");
    assert_eq!(poor.asked().len(), 1, "a missing file is not asked for again");

    let said = sentence(download(&[&poor.url]).to(&folder.path().join("other")));
    assert!(said.contains("cannot fetch other: 127.0.0.1 does not have it (status 404)"), "{said}");
}

#[test]
fn a_busy_server_is_asked_again() {
    let server = serve(|asked, stream| match asked.number {
        0 => head(stream, "503 Service Unavailable", 0, ""),
        1 => head(stream, "429 Too Many Requests", 0, "retry-after: 0\r\n"),
        _ => send(stream, asked, &file()),
    });
    let folder = tempfile::tempdir().expect("a folder");
    download(&[&server.url]).to(&folder.path().join("file")).expect("fetched");
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn nobody_listening_is_one_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let twice = ["http://127.0.0.1:9/file", "http://127.0.0.1:9/the/same/host"];
    let said = sentence(download(&twice).to(&folder.path().join("file")));
    assert_eq!(said.matches("refused the connection").count(), 1, "one host is named once: {said}");
    assert!(said.contains("check the connection"), "{said}");
    assert!(!said.contains('\n'));
    assert!(no_traces(folder.path()));
}

#[test]
fn two_that_want_the_same_file_take_turns() {
    let server = serve(|_, stream| {
        head(stream, "200 OK", 200_000, "");
        for piece in file().chunks(20_000) {
            let _ = stream.write_all(piece);
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| download(&[&server.url]).to(&path).expect("fetched"));
        }
    });
    assert_eq!(fs::read(&path).expect("the file"), file());
    assert_eq!(server.asked().len(), 1, "the others waited");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "no part is left");
}

#[test]
fn a_file_that_is_there_is_not_asked_for_and_a_damaged_one_is() {
    let server = serve(|asked, stream| send(stream, asked, &file()));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    fs::write(&path, file()).expect("written");
    download(&[&server.url]).to(&path).expect("there already");
    assert!(server.asked().is_empty());
    let mut damaged = file();
    damaged[77] ^= 1;
    fs::write(&path, damaged).expect("written");
    download(&[&server.url]).to(&path).expect("fetched");
    assert_eq!(fs::read(&path).expect("the file"), file());
}

#[test]
fn what_the_disk_refuses_is_one_sentence() {
    let server = serve(|asked, stream| send(stream, asked, &file()));
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("plain"), "a file where a folder should be").expect("written");
    let said = sentence(download(&[&server.url]).to(&folder.path().join("plain/file")));
    assert!(said.contains("cannot write") && !said.contains('\n'), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_sentence() {
    let server = serve(|asked, stream| send(stream, asked, &file()));
    let folder = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink("/dev/full", folder.path().join("file.part")).expect("a link");
    let said = sentence(download(&[&server.url]).to(&folder.path().join("file")));
    assert!(said.contains("no space left for file; free some"), "{said}");
}

#[test]
fn a_token_is_shown_to_the_first_server_and_to_no_mirror() {
    let first = serve(|_, stream| head(stream, "404 Not Found", 0, ""));
    let mirror = serve(|asked, stream| send(stream, asked, &file()));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let token = Some("hf_Right".to_owned());
    let download = Download { token, ..download(&[&first.url, &mirror.url]) };
    download.to(&folder.path().join("file")).expect("the mirror has it");
    assert_eq!(first.asked()[0].authorization.as_deref(), Some("Bearer hf_Right"));
    assert!(mirror.asked().iter().all(|asked| asked.authorization.is_none()));
}
