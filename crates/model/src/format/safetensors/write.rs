//! Writing a file so that a reader sees the old one or the whole new one.

use super::all_finite;
use ::safetensors::{Dtype, View};
use anyhow::{Context, Result, ensure};
use std::{borrow::Cow, collections::HashMap, fs::File, path::Path};
use tch::{Device, Kind, Tensor};

/// A tensor as the safetensors library wants to see it.
struct Bytes {
    shape: Vec<usize>,
    tensor: Tensor,
}

impl View for Bytes {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        // Only here, where one tensor is written, is a copy made of it.
        let tensor = self.tensor.to_device(Device::Cpu).contiguous();
        let mut bytes = Vec::new();
        // `vec!` would end the process without a word; a panic is told in one line.
        let reserved = bytes.try_reserve_exact(self.data_len());
        assert!(
            reserved.is_ok(),
            "there is no memory to write a tensor of {} bytes",
            self.data_len()
        );
        bytes.resize(self.data_len(), 0);
        tensor.copy_data_u8(&mut bytes, tensor.numel());
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.tensor.numel() * self.tensor.kind().elt_size_in_bytes()
    }
}

/// Writes tensors of 32-bit floats under a temporary name, flushes them to the disk, and renames the file into place.
///
/// # Errors
/// If a tensor holds something else or a value that is not finite, or the disk refuses; what was at `path` before then is still there.
pub fn write(path: &Path, tensors: Vec<(String, Tensor)>) -> Result<()> {
    let views = tensors
        .into_iter()
        .map(|(name, tensor)| {
            ensure!(
                tensor.kind() == Kind::Float,
                "{name} holds {:?}, not 32-bit floats",
                tensor.kind()
            );
            // Such a file would not be read again, and might take the place of one that can be.
            ensure!(all_finite(&tensor), "{name} holds a value that is not a finite number");
            let shape = tensor.size().iter().map(|&size| size as usize).collect();
            Ok((name, Bytes { shape, tensor: tensor.detach() }))
        })
        .collect::<Result<Vec<_>>>()?;
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    replace(path, |temporary| {
        // The library makes a file that only its owner may read; ours are as readable as any other file.
        let permissions = File::create(temporary)?.metadata()?.permissions();
        ::safetensors::serialize_to_file(views, Some(metadata), temporary)?;
        Ok(std::fs::set_permissions(temporary, permissions)?)
    })
}

/// Lets `fill` write a file beside `path`, flushes it to the disk, and renames it to `path`: a reader sees the old file or the new one.
///
/// # Errors
/// If `fill` fails or the disk refuses; the temporary file is then removed.
pub fn replace(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let file_name =
        path.file_name().with_context(|| format!("{} names no file", path.display()))?;
    let temporary =
        path.with_file_name(format!("{}.tmp{}", file_name.to_string_lossy(), std::process::id()));
    let written = fill(&temporary)
        .and_then(|()| Ok(File::open(&temporary)?.sync_all()?))
        .and_then(|()| Ok(std::fs::rename(&temporary, path)?))
        .and_then(|()| sync_folder(path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Flushes a folder, without which a new name may not survive a power cut.
#[cfg(unix)]
fn sync_folder(path: &Path) -> Result<()> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(folder)?.sync_all()?)
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_weight_file_is_as_readable_as_any_other_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let (ours, other) = (folder.path().join("a.safetensors"), folder.path().join("b"));
        write(&ours, vec![("x".to_owned(), Tensor::zeros([2], tch::kind::FLOAT_CPU))])
            .expect("written");
        std::fs::write(&other, "").expect("written");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(&ours), mode(&other));
    }
}
