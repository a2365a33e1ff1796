//! What a safetensors file announces, held against its length (chapter 5.1).

use super::WIDEST;
use anyhow::{Context, Result, bail, ensure};
use safetensors::tensor::Metadata;
use std::{fs::File, io::Read, path::Path};

/// A longer header than this belongs to no model.
const LONGEST: u64 = 1 << 24;

/// Reads the header of a file of `length` bytes, and says where its data begin.
///
/// # Errors
/// If the header is not whole, or does not describe exactly the bytes that follow.
pub fn read(file: &mut File, length: u64, path: &Path) -> Result<(Metadata, u64)> {
    let name = path.display();
    let mut prefix = [0; 8];
    file.read_exact(&mut prefix)
        .with_context(|| format!("{name} is too short for a safetensors file; fetch it again"))?;
    let header_bytes = u64::from_le_bytes(prefix);
    if header_bytes > length - 8 || header_bytes > LONGEST {
        if let Some(guess) = guess_content(prefix) {
            bail!("{name} is {guess}, not a safetensors file; fetch it again");
        }
        bail!(
            "{name} is not a whole safetensors file: it announces a header of {header_bytes} bytes in a file of {length}; fetch it again"
        );
    }
    let mut header = vec![0; header_bytes as usize];
    file.read_exact(&mut header).with_context(|| format!("cannot read {name}"))?;
    let header: Metadata = serde_json::from_slice(&header)
        .with_context(|| format!("{name} has a damaged header; fetch it again"))?;
    let data_start = 8 + header_bytes;
    ensure!(
        data_start.checked_add(header.data_len() as u64) == Some(length),
        "{name} is not whole: its header describes {} bytes of data, {} are there; fetch it again",
        header.data_len(),
        length - data_start
    );
    check_sizes(&header, path)?;
    Ok((header, data_start))
}

/// A tensor without values may claim any other sizes, which would overflow where they are multiplied.
fn check_sizes(header: &Metadata, path: &Path) -> Result<()> {
    for (tensor, info) in header.tensors() {
        let most = info.shape.iter().try_fold(WIDEST, |most, &size| most.checked_mul(size.max(1)));
        ensure!(
            most.is_some_and(|most| i64::try_from(most).is_ok()),
            "{tensor} in {} has sizes that overflow; fetch it again",
            path.display()
        );
    }
    Ok(())
}

/// What a file that is no safetensors file may be, by its first bytes. As the length of a header they would be absurd.
fn guess_content(prefix: [u8; 8]) -> Option<&'static str> {
    match prefix {
        [b'v', b'e', b'r', b's', b'i', b'o', b'n', b' '] => Some("a pointer left by Git LFS"),
        [b'P', b'K', 3, 4, ..] => Some("a PyTorch archive"),
        _ => (prefix.trim_ascii_start().first() == Some(&b'<')).then_some("a web page"),
    }
}
