//! Tries the inputs again that the fuzzer found worth keeping.

use std::{fs, path::Path};

/// Holds if `property` does for every input of a corpus.
pub fn replay(corpus: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(corpus);
    let inputs = fs::read_dir(&folder).expect("a corpus").flatten();
    assert!(
        inputs.map(|input| property(&fs::read(input.path()).expect("an input"))).count() > 9,
        "too few in {corpus}"
    );
}
