//! A file of text as its bytes say it is: UTF-8, or UTF-16 with its mark as some editors and shells write it; what is no text is
//! called by its name.

use anyhow::{Context, Result, anyhow, bail, ensure};
use std::{fs, path::Path};

/// How files begin that are no text, what they are, and the way to a text.
const OTHERS: [(&[u8], &str); 7] = [
    (b"\x1f\x8b", "is compressed by gzip; unpack it first"),
    (b"BZh", "is compressed by bzip2; unpack it first"),
    (b"\xfd7zXZ", "is compressed by xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed by zstd; unpack it first"),
    (b"PK\x03\x04", "is a zip archive, as .docx and .xlsx are; unpack it, or save its text"),
    (b"%PDF-", "is a PDF; save its text"),
    (
        b"PAR1",
        "is a Parquet file; in Python, to_json(FILE, orient=\"records\") of pandas writes JSON",
    ),
];

/// Reads a text file of at most so many bytes, without a byte order mark.
///
/// # Errors
/// If it cannot be read, is larger, or is no text.
pub fn read(path: &Path, most_bytes: u64) -> Result<String> {
    let name = path.display();
    let cannot = || format!("cannot read {name}");
    let bytes = fs::metadata(path).with_context(cannot)?.len();
    ensure!(bytes <= most_bytes, "{name} has {bytes} bytes; more than {most_bytes} are not read");
    let bytes = fs::read(path).with_context(cannot)?;
    if let Some((_, what)) = OTHERS.iter().find(|(beginning, _)| bytes.starts_with(beginning)) {
        bail!("{name} {what}");
    }
    let order: fn([u8; 2]) -> u16 = match bytes.get(..2) {
        Some([0xff, 0xfe]) => u16::from_le_bytes,
        Some([0xfe, 0xff]) => u16::from_be_bytes,
        _ => {
            let text = String::from_utf8(bytes).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                anyhow!("{name} is not UTF-8 at byte {at}; save it as UTF-8")
            })?;
            return Ok(match text.strip_prefix('\u{feff}') {
                Some(text) => text.to_owned(),
                None => text,
            });
        }
    };
    let units: Vec<u16> =
        bytes[2..].chunks_exact(2).map(|pair| order([pair[0], pair[1]])).collect();
    ensure!(bytes.len().is_multiple_of(2), "{name} is not whole UTF-16; save it as UTF-8");
    String::from_utf16(&units).map_err(|_| anyhow!("{name} is not whole UTF-16; save it as UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_bytes(bytes: &[u8]) -> Result<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, bytes).expect("room");
        read(&path, 1000)
    }

    #[test]
    fn a_text_is_the_same_in_each_encoding_that_marks_itself() {
        let text = "Füge hinzu: 🎉\r\n";
        let utf_16 = |to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(to_bytes).collect()
        };
        let marked = format!("\u{feff}{text}").into_bytes();
        for bytes in [text.into(), marked, utf_16(u16::to_le_bytes), utf_16(u16::to_be_bytes)] {
            assert_eq!(read_bytes(&bytes).expect("a text"), text);
        }
    }

    #[test]
    fn what_is_no_text_is_called_by_its_name() {
        for (bytes, said) in [
            (&b"\x1f\x8b\x08\x00"[..], "is compressed by gzip; unpack it first"),
            (b"PK\x03\x04", "is a zip archive, as .docx and .xlsx are"),
            (b"%PDF-1.4\n", "is a PDF; save its text"),
            (b"PAR1\x15", "is a Parquet file; in Python, to_json"),
            (b"f\xfcr", "is not UTF-8 at byte 1; save it as UTF-8"),
            (b"\xff\xfea\x00b", "is not whole UTF-16; save it as UTF-8"),
            (b"\xff\xfe\x00\xd8", "is not whole UTF-16; save it as UTF-8"),
            (&[b'a'; 1001], "has 1001 bytes; more than 1000 are not read"),
        ] {
            let error = read_bytes(bytes).expect_err("no text").to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
