//! Reading and writing safetensors files so that a broken one is noticed and a good one is never half written (chapter 5.1).
//!
//! tch reads such files too, but whole and through an older library, and writes them in place.

use anyhow::{Context, Result, bail, ensure};
use safetensors::{Dtype, View, tensor::Metadata};
use std::{
    borrow::Cow,
    collections::HashMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};
use tch::{Kind, Tensor};

/// Bytes read at a time; what is in memory beyond the tensors themselves.
const CHUNK: usize = 1 << 24;

/// An open safetensors file whose header has been checked against its length.
#[derive(Debug)]
pub struct WeightFile {
    path: PathBuf,
    file: File,
    header: Metadata,
    data_start: u64,
}

impl WeightFile {
    /// Opens a file and checks that its header describes exactly the bytes that follow.
    ///
    /// # Errors
    /// If the file cannot be read, is cut off, or is no safetensors file.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display();
        let mut file = File::open(path).with_context(|| format!("cannot open {name}"))?;
        let length = file.metadata().with_context(|| format!("cannot read {name}"))?.len();
        let mut prefix = [0; 8];
        file.read_exact(&mut prefix)
            .with_context(|| format!("{name} is too short for a safetensors file; fetch it again"))?;
        ensure!(prefix[0] != b'<', "{name} is a web page, not a weight file; fetch it again");
        let header_bytes = u64::from_le_bytes(prefix);
        ensure!(
            header_bytes <= length.saturating_sub(8) && header_bytes <= CHUNK as u64,
            "{name} is not a whole safetensors file: it announces a header of {header_bytes} bytes in a file of {length}; fetch it again"
        );
        let mut header = vec![0; header_bytes as usize];
        file.read_exact(&mut header).with_context(|| format!("cannot read {name}"))?;
        let header: Metadata =
            serde_json::from_slice(&header).with_context(|| format!("{name} has a damaged header; fetch it again"))?;
        let data_start = 8 + header_bytes;
        let expected = data_start.checked_add(header.data_len() as u64);
        ensure!(
            expected == Some(length),
            "{name} is not whole: its header describes {} bytes of data, {} are there; fetch it again",
            header.data_len(),
            length - data_start
        );
        Ok(Self { path: path.to_owned(), file, header, data_start })
    }

    /// Names and shapes of all tensors, sorted by name.
    pub fn shapes(&self) -> Vec<(String, Vec<i64>)> {
        let mut shapes: Vec<_> = self
            .header
            .tensors()
            .into_iter()
            .map(|(name, info)| (name, info.shape.iter().map(|&size| size as i64).collect()))
            .collect();
        shapes.sort();
        shapes
    }

    /// Reads one tensor as 32-bit floats; 16-bit floats are widened.
    ///
    /// # Errors
    /// If there is no such tensor, if it holds something else than floats, or a value that is not finite.
    pub fn tensor(&mut self, name: &str) -> Result<Tensor> {
        let path = self.path.display();
        let Some(info) = self.header.info(name) else {
            bail!("{path} has no tensor {name}");
        };
        let kind = match info.dtype {
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            other => bail!("{name} in {path} holds {other:?}; only F32, F16 and BF16 can be loaded"),
        };
        let shape: Vec<i64> = info.shape.iter().map(|&size| size as i64).collect();
        let (start, end) = info.data_offsets;
        let size = kind.elt_size_in_bytes();
        let tensor = Tensor::f_empty([((end - start) / size) as i64], (Kind::Float, tch::Device::Cpu))?;
        self.file.seek(SeekFrom::Start(self.data_start + start as u64))?;
        let mut bytes = vec![0; CHUNK.min(end - start)];
        for from in (start..end).step_by(CHUNK) {
            let length = CHUNK.min(end - from);
            self.file.read_exact(&mut bytes[..length]).with_context(|| format!("cannot read {name} from {path}"))?;
            let values = (length / size) as i64;
            let chunk = Tensor::f_from_data_size(&bytes[..length], &[values], kind)?;
            tensor.f_narrow(0, ((from - start) / size) as i64, values)?.f_copy_(&chunk)?;
        }
        if tensor.numel() > 0 {
            let (least, most) = tensor.f_aminmax(0, false)?;
            // Not-a-number wins both comparisons, so that two values stand for all.
            let finite = least.double_value(&[]).is_finite() && most.double_value(&[]).is_finite();
            ensure!(finite, "{name} in {path} holds a value that is not a finite number; fetch the file again");
        }
        Ok(tensor.f_view(&shape[..])?)
    }
}

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
        let mut bytes = vec![0; self.data_len()];
        self.tensor.copy_data_u8(&mut bytes, self.tensor.numel());
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.tensor.numel() * self.tensor.kind().elt_size_in_bytes()
    }
}

/// Writes tensors of 32-bit floats under a temporary name, flushes them to the disk, and renames the file into place.
///
/// # Errors
/// If a tensor holds something else, or the disk refuses; what stood at `path` before then still stands there.
pub fn write(path: &Path, tensors: Vec<(String, Tensor)>) -> Result<()> {
    let views = tensors
        .into_iter()
        .map(|(name, tensor)| {
            ensure!(tensor.kind() == Kind::Float, "{name} holds {:?}, not 32-bit floats", tensor.kind());
            let tensor = tensor.detach().to_device(tch::Device::Cpu).contiguous();
            let shape = tensor.size().iter().map(|&size| size as usize).collect();
            Ok((name, Bytes { shape, tensor }))
        })
        .collect::<Result<Vec<_>>>()?;
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    replace(path, |temporary| Ok(safetensors::serialize_to_file(views, Some(metadata), temporary)?))
}

/// Lets `fill` write a file beside `path`, flushes it to the disk, and renames it to `path`: a reader sees the old file or the new one.
///
/// # Errors
/// If `fill` fails or the disk refuses; the temporary file is then removed.
pub fn replace(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let file_name = path.file_name().with_context(|| format!("{} names no file", path.display()))?;
    let temporary = path.with_file_name(format!("{}.tmp{}", file_name.to_string_lossy(), std::process::id()));
    let written = fill(&temporary)
        .and_then(|()| Ok(File::open(&temporary)?.sync_all()?))
        .and_then(|()| Ok(std::fs::rename(&temporary, path)?));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}
