//! Any text is encoded as tiktoken encodes it, comes back whole, and comes back the same in a stream.

use embedding::bpe::{BytePairEncoder, END_OF_TEXT, StreamDecoder};
use embedding::fast::FastEncoder;

/// Holds for any bytes; those that are no UTF-8 become U+FFFD first.
pub fn holds(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let encoder = BytePairEncoder::gpt2();
    let ids = FastEncoder::gpt2().encode(&text);
    assert_eq!(ids, encoder.encode(&text), "{text:?} by the lesson");
    let official = tiktoken_rs::r50k_base_singleton().encode_ordinary(&text);
    assert_eq!(ids, official.into_iter().map(i64::from).collect::<Vec<_>>(), "{text:?}");
    assert!(!ids.contains(&END_OF_TEXT), "{text:?} makes an end of text");
    comes_back(encoder, &ids, &text);

    // An encoder learned from one half reads the other.
    let middle = (0..=text.len() / 2).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let (learned, unseen) = text.split_at(middle);
    let small = BytePairEncoder::train(learned, 20);
    comes_back(&small, &small.encode(unseen), unseen);
}

fn comes_back(encoder: &BytePairEncoder, ids: &[i64], text: &str) {
    assert_eq!(encoder.decode(ids).expect("its own ids"), text);
    let mut stream = StreamDecoder::new(encoder);
    let mut given: String = ids.iter().map(|&id| stream.push(id).expect("its own ids")).collect();
    given += &stream.finish();
    assert_eq!(given, text, "in a stream");
}
