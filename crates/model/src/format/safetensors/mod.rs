//! Reading and writing safetensors files so that a broken one is noticed and a good one is never half written (chapter 5.1).
//!
//! tch reads such files too, but whole and through an older library, and writes them in place.

mod header;
mod write;

pub use write::{replace, write};

use ::safetensors::{Dtype, tensor::Metadata};
use anyhow::{Context, Result, bail, ensure};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};
use tch::{Device, Kind, Tensor};

/// Values read at a time: so few that widening, checking and transposing them finds them in the processor's cache, and that libtorch
/// wakes no other thread for them, which would take longer than the work.
const CHUNK: usize = 32_000;
/// Bytes of a value of the widest kind.
const WIDEST: usize = 8;

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
        let metadata = file.metadata().with_context(|| format!("cannot read {name}"))?;
        ensure!(!metadata.is_dir(), "{name} is a folder, not a file");
        let (header, data_start) = header::read(&mut file, metadata.len(), path)?;
        Ok(Self { path: path.to_owned(), file, header, data_start })
    }

    /// Names and shapes of all tensors, sorted by name.
    pub fn shapes(&self) -> Vec<(String, Vec<i64>)> {
        let mut shapes: Vec<_> = self
            .header
            .tensors()
            .into_iter()
            .map(|(name, info)| (name, sizes(&info.shape)))
            .collect();
        shapes.sort();
        shapes
    }

    /// Checks that a tensor holds floats of a width that can be loaded.
    ///
    /// # Errors
    /// If there is no such tensor, or if it holds something else.
    pub fn check_kind(&self, name: &str) -> Result<()> {
        self.describe(name).map(|_| ())
    }

    /// Reads one tensor as 32-bit floats; 16-bit floats are widened.
    ///
    /// # Errors
    /// If there is no such tensor, if it holds something other than floats, or a value that is not finite.
    pub fn tensor(&mut self, name: &str) -> Result<Tensor> {
        let (shape, ..) = self.describe(name)?;
        let whole =
            Tensor::f_empty(&shape, (Kind::Float, Device::Cpu)).map_err(|error| brief(&error))?;
        self.read_rows(name, |first, rows| {
            let target = if shape.is_empty() {
                whole.view([1])
            } else {
                whole.narrow(0, first, rows.size()[0])
            };
            target.shallow_clone().copy_(rows);
        })?;
        Ok(whole)
    }

    /// Tensors where they lie in the file, of which the system brings each part into memory when it is first looked at; nothing if
    /// one of them does not hold 32-bit floats at whole multiples of their size, or the file's name is none for libtorch.
    ///
    /// Everything is checked now: that the file is the one that was opened, that it is as long as its header says, and that all its
    /// values are finite. What another process does to it later is not seen by any check. Cut short, it ends this program at the next
    /// look at what is gone (`SIGBUS`). Written in place, it changes the weights of a model while it works, in whole or in part, which
    /// no program can be sound against: copy the file, or [read](Self::tensor) it, where others may write. What is put in its place
    /// under its name, as [`replace`] does and most programs do, does no harm. Changes of a tensor do not reach the file.
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor); and if the file was replaced since it was opened.
    pub fn map<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<BTreeMap<&'a str, Tensor>>> {
        let Some(path) = self.path.to_str() else { return Ok(None) };
        let width = Kind::Float.elt_size_in_bytes();
        let numbers = (self.data_start as usize + self.header.data_len()) / width;
        let whole = Tensor::f_from_file(path, false, numbers as i64, (Kind::Float, Device::Cpu));
        let whole = whole.map_err(|error| brief(&error))?;
        self.ensure_same_header(&whole)?;
        let mut mapped = BTreeMap::new();
        for name in names {
            let (shape, kind, start, _) = self.describe(name)?;
            let start = self.data_start as usize + start;
            if kind != Kind::Float || !start.is_multiple_of(width) {
                return Ok(None);
            }
            let values =
                whole.narrow(0, (start / width) as i64, shape.iter().product()).view(&shape[..]);
            self.ensure_finite(name, &values)?;
            mapped.insert(name, values);
        }
        Ok(Some(mapped))
    }

    /// Whether a tensor holds the same bytes, in the same shape and kind, as one of this file or another.
    ///
    /// # Errors
    /// If one of them is not there, cannot be loaded, or cannot be read.
    pub fn same_bytes(&self, name: &str, other: &Self, twin: &str) -> Result<bool> {
        let (shape, kind, start, end) = self.describe(name)?;
        let (shape2, kind2, start2, _) = other.describe(twin)?;
        if (shape, kind) != (shape2, kind2) {
            return Ok(false);
        }
        let at = |file: &Self, start: usize| -> std::io::Result<File> {
            let mut opened = File::open(&file.path)?;
            opened.seek(SeekFrom::Start(file.data_start + start as u64))?;
            Ok(opened)
        };
        let (mut one, mut two) = (at(self, start)?, at(other, start2)?);
        let (mut ours, mut theirs) = (vec![0; WIDEST * CHUNK], vec![0; WIDEST * CHUNK]);
        for from in (start..end).step_by(ours.len()) {
            let count = ours.len().min(end - from);
            one.read_exact(&mut ours[..count])?;
            two.read_exact(&mut theirs[..count])?;
            if ours[..count] != theirs[..count] {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Checks that a file that was opened by the same name begins with this one's header.
    fn ensure_same_header(&self, whole: &Tensor) -> Result<()> {
        let path = self.path.display();
        let mut header = vec![0; self.data_start as usize];
        let mut file = &self.file;
        file.rewind()
            .and_then(|()| file.read_exact(&mut header))
            .with_context(|| format!("cannot read {path}"))?;
        let numbers: &[[u8; 4]] = header.as_chunks().0;
        let expected =
            Tensor::from_slice(&numbers.iter().map(|&n| i32::from_ne_bytes(n)).collect::<Vec<_>>());
        let there = whole.view_dtype(Kind::Int).narrow(0, 0, numbers.len() as i64);
        ensure!(there == expected, "{path} was replaced while it was being opened; start again");
        Ok(())
    }

    fn ensure_finite(&self, name: &str, values: &Tensor) -> Result<()> {
        let path = self.path.display();
        ensure!(
            all_finite(values),
            "{name} in {path} holds a value that is not a finite number; fetch the file again"
        );
        Ok(())
    }

    /// Reads one tensor a few rows at a time and hands them to `take`, with the number of the first: `[rows, …]`, 32-bit floats.
    /// A row is what one index into the first dimension selects; a number alone is one row.
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor).
    pub fn read_rows(&mut self, name: &str, mut take: impl FnMut(i64, &Tensor)) -> Result<()> {
        let (shape, kind, start, end) = self.describe(name)?;
        let path = self.path.display();
        let mut shape = if shape.is_empty() { vec![1] } else { shape };
        let row = shape[1..].iter().product::<i64>() as usize;
        let row_bytes = row * kind.elt_size_in_bytes();
        if row_bytes == 0 {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(self.data_start + start as u64))?;
        let chunk_bytes = (CHUNK / row).max(1) * row_bytes;
        let mut bytes = vec![0; chunk_bytes.min(end - start)];
        for from in (start..end).step_by(chunk_bytes) {
            let chunk = &mut bytes[..chunk_bytes.min(end - from)];
            self.file
                .read_exact(chunk)
                .with_context(|| format!("cannot read {name} from {path}"))?;
            shape[0] = (chunk.len() / row_bytes) as i64;
            let rows = Tensor::f_from_data_size(chunk, &shape, kind)
                .and_then(|rows| rows.f_to_kind(Kind::Float))
                .map_err(|error| brief(&error))?;
            self.ensure_finite(name, &rows)?;
            take(((from - start) / row_bytes) as i64, &rows);
        }
        Ok(())
    }

    /// Shape, kind, and where the bytes of a tensor begin and end.
    fn describe(&self, name: &str) -> Result<(Vec<i64>, Kind, usize, usize)> {
        let Some(info) = self.header.info(name) else {
            bail!("{} has no tensor {name}", self.path.display());
        };
        let kind = match info.dtype {
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            other => {
                bail!(
                    "{name} in {} holds {other}; only F32, F16 and BF16 can be loaded",
                    self.path.display()
                )
            }
        };
        Ok((sizes(&info.shape), kind, info.data_offsets.0, info.data_offsets.1))
    }
}

fn sizes(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|&size| size as i64).collect()
}

/// Not-a-number wins both comparisons, so that the least and the largest value stand for all.
fn all_finite(values: &Tensor) -> bool {
    if values.numel() == 0 {
        return true;
    }
    let (least, largest) = values.aminmax(None, false);
    least.double_value(&[]).is_finite() && largest.double_value(&[]).is_finite()
}

/// The first line of what libtorch complains of; the C++ calls that follow help nobody who uses this program.
pub fn brief(error: &tch::TchError) -> anyhow::Error {
    let message = error.to_string();
    anyhow::anyhow!("{}", message.lines().next().unwrap_or_default().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_of_libtorch_is_cut_to_its_first_line() {
        let error = Tensor::zeros([2], tch::kind::FLOAT_CPU).f_view([3]).expect_err("three of two");
        assert!(error.to_string().contains('\n'), "libtorch adds its own calls");
        let brief = brief(&error).to_string();
        assert_eq!(brief, "Internal torch error: shape '[3]' is invalid for input of size 2");
    }
}
