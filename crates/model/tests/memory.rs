//! That reading a large weight file takes its size and little more. Alone in its file, as memory is counted for the whole process.

mod peak;

use model::{
    config::Gpt2Config,
    format::{self, WEIGHTS},
    gpt2::Gpt2,
};
use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
};
use tch::Device;

/// Were the file read at one go and then copied, it would take twice its size.
#[test]
fn a_file_of_100_mb_takes_its_size_and_little_more_whole_or_with_a_flipped_bit() {
    let sizes = Gpt2Config {
        vocab_size: 50_000,
        context: 8,
        channels: 500,
        heads: 2,
        layers: 1,
        ..Gpt2Config::SMALL
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    format::save(folder.path(), &Gpt2::new(sizes, Device::Cpu).expect("possible sizes"))
        .expect("room");
    let path = folder.path().join(WEIGHTS);
    let length = fs::metadata(&path).expect("a written file").len();
    assert!(length > 100_000_000, "{length} bytes");
    let file = File::options().read(true).write(true).open(&path).expect("a written file");
    let flip = |place| {
        let mut byte = [0];
        file.read_exact_at(&mut byte, place).expect("within the file");
        file.write_all_at(&[byte[0] ^ 64], place).expect("room on the disk");
    };
    let takes_little = |place: Option<u64>| {
        peak::takes_less_than(length + (64 << 20), || {
            let loaded = format::load(folder.path(), Device::Cpu);
            assert!(loaded.is_ok() || place.is_some(), "{:?}", loaded.err());
        });
    };
    takes_little(None);
    // The announced length of the header, names and sizes in it, and values.
    for place in [2, 3, 5, 50, 300, 700, 3_000, 1_000_000, length - 1] {
        flip(place);
        takes_little(Some(place));
        flip(place);
    }
}
