//! The container: metadata, a table of tensors, and their numbers.

use super::NumberType;
use crate::format::safetensors::replace;
use anyhow::{Context, Result};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};
use tch::{Device, Tensor};

/// Numbers of each tensor begin at a multiple of so many bytes.
const ALIGNMENT: usize = 32;
/// The version of the format.
const VERSION: u32 = 3;

/// What the file says of itself, key by key.
#[derive(Default)]
pub(super) struct Metadata {
    bytes: Vec<u8>,
    count: u64,
}

impl Metadata {
    fn add(&mut self, key: &str, kind: u32, value: &[u8]) {
        put_text(&mut self.bytes, key);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(value);
        self.count += 1;
    }

    pub fn u32(&mut self, key: &str, value: u32) {
        self.add(key, 4, &value.to_le_bytes());
    }

    pub fn f32(&mut self, key: &str, value: f32) {
        self.add(key, 6, &value.to_le_bytes());
    }

    pub fn bool(&mut self, key: &str, value: bool) {
        self.add(key, 7, &[u8::from(value)]);
    }

    pub fn text(&mut self, key: &str, value: &str) {
        let mut bytes = Vec::new();
        put_text(&mut bytes, value);
        self.add(key, 8, &bytes);
    }

    pub fn texts(&mut self, key: &str, values: &[String]) {
        let mut bytes = array(8, values.len());
        for value in values {
            put_text(&mut bytes, value);
        }
        self.add(key, 9, &bytes);
    }

    pub fn integers(&mut self, key: &str, values: &[i32]) {
        let mut bytes = array(5, values.len());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self.add(key, 9, &bytes);
    }
}

/// The beginning of a list: the type of its values, and how many there are.
fn array(kind: u32, length: usize) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &(length as u64).to_le_bytes()].concat()
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// A tensor of the file: its parts stand below each other.
pub(super) struct Entry {
    pub name: String,
    pub parts: Vec<Tensor>,
    pub number_type: NumberType,
}

impl Entry {
    fn numbers(&self) -> usize {
        self.parts.iter().map(Tensor::numel).sum()
    }

    /// Name, sizes with that of the rows first, type, and where its numbers begin.
    fn describe(&self, header: &mut Vec<u8>, offset: usize) {
        let mut shape = self.parts[0].size();
        shape[0] = self.parts.iter().map(|part| part.size()[0]).sum();
        put_text(header, &self.name);
        header.extend((shape.len() as u32).to_le_bytes());
        header.extend(shape.iter().rev().flat_map(|size| size.to_le_bytes()));
        header.extend(self.number_type.number().to_le_bytes());
        header.extend((offset as u64).to_le_bytes());
    }

    fn write(&self, file: &mut impl Write) -> Result<()> {
        let mut bytes = Vec::new();
        for part in &self.parts {
            let numbers = Vec::<f32>::try_from(part.to_device(Device::Cpu).reshape([-1]))?;
            self.number_type.encode(&numbers, &mut bytes).with_context(|| self.name.clone())?;
        }
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        Ok(file.write_all(&bytes)?)
    }
}

/// Writes the file under a temporary name and renames it into place.
pub(super) fn write(path: &Path, metadata: &Metadata, entries: &[Entry]) -> Result<()> {
    let mut header = b"GGUF".to_vec();
    header.extend(VERSION.to_le_bytes());
    header.extend((entries.len() as u64).to_le_bytes());
    header.extend(metadata.count.to_le_bytes());
    header.extend(&metadata.bytes);
    let mut offset = 0;
    for entry in entries {
        entry.describe(&mut header, offset);
        offset += entry.number_type.bytes(entry.numbers()).next_multiple_of(ALIGNMENT);
    }
    header.resize(header.len().next_multiple_of(ALIGNMENT), 0);
    replace(path, |temporary| {
        let mut file = BufWriter::new(File::create(temporary)?);
        file.write_all(&header)?;
        entries.iter().try_for_each(|entry| entry.write(&mut file))?;
        Ok(file.flush()?)
    })
}
