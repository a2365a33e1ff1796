//! Files on this machine: their hashes, and how they are written whole.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Result, anyhow};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

/// What a failure to write means, in one sentence.
pub(crate) fn cannot_write(error: &io::Error, path: &Path) -> anyhow::Error {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => anyhow!(
            "no space left for {path}; free some and run the command again, it goes on where it stopped"
        ),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => anyhow!(
            "no permission to write {path}; give it to yourself or work in a folder of your own"
        ),
        _ => anyhow!("cannot write {path}: {error}"),
    }
}

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// If the file cannot be read.
pub fn sha256(path: &Path) -> io::Result<String> {
    hash_of(&mut File::open(path)?)
}

pub(crate) fn hash_of(file: &mut File) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// Bytes as two hexadecimal digits each.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a string cannot fail
        text
    })
}

/// A copy of `contents` beside `target`, whole and readable for all, that has only to take its name.
pub(crate) fn staged(target: &Path, contents: &mut dyn Read) -> io::Result<NamedTempFile> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".writing").tempfile_in(folder)?;
    io::copy(contents, &mut file)?;
    file.as_file().sync_all()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    Ok(file)
}

/// Writes a small file so that a reader sees the old contents or the new, and leaves an equal one untouched.
///
/// # Errors
/// If it cannot be written.
pub fn write_atomically(path: &Path, contents: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == contents) {
        return Ok(());
    }
    staged(path, &mut contents.as_bytes())
        .and_then(|file| Ok(file.persist(path)?))
        .map_err(|error| cannot_write(&error, path))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_empty_file_has_its_well_known_hash() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        assert_eq!(
            sha256(file.path()).expect("a hash"),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn an_equal_file_is_not_written_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("config.toml");
        write_atomically(&path, "a = 1\n").expect("written");
        let before = fs::metadata(&path).and_then(|data| data.modified()).expect("a time");
        std::thread::sleep(Duration::from_millis(20));
        write_atomically(&path, "a = 1\n").expect("left alone");
        assert_eq!(before, fs::metadata(&path).and_then(|data| data.modified()).expect("a time"));
        write_atomically(&path, "a = 2\n").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("text"), "a = 2\n");
    }
}
