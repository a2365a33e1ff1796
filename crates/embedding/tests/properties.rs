//! What holds for any text and any size: encoding loses nothing and equals tiktoken-rs, windows overlap by one token.

mod seeded;

use embedding::bpe::{BytePairEncoder, END_OF_TEXT, StreamDecoder};
use embedding::fast::FastEncoder;
use embedding::learn::learn_merges;
use embedding::loader::random_permutation;
use embedding::split::split_pieces;
use embedding::support::generators::python;
use embedding::support::sample::python_sample;
use embedding::windows::Windows;
use proptest::prelude::*;
use rand_mt::Mt64;

/// Texts made of what encoders stumble over, and of any characters.
fn text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        " ",
        "  ",
        "\t",
        "\n",
        "\r\n",
        "\u{0b}",
        "\u{0c}",
        "\u{1c}",
        "\u{85}",
        "\u{a0}",
        "\u{1680}",
        "\u{180e}",
        "\u{2003}",
        "\u{200b}",
        "\u{2028}",
        "\u{202f}",
        "\u{3000}",
        "\u{feff}",
        "e\u{301}",
        "\u{301}",
        "\u{345}",
        "\u{20dd}",
        "ʰ",
        "ª",
        "²",
        "½",
        "Ⅷ",
        "٣",
        "੩",
        "一",
        "'",
        "’",
        "'s",
        "'S",
        "'ll",
        "'re",
        "'d",
        "''t",
        "<|endoftext|>",
        "😀",
        "👨\u{200d}👩",
        "\u{10ffff}",
        "\u{0}",
        "\u{fffd}",
        "ß",
        "ſ",
        "İ",
        "Ａ",
        "a",
        "Z",
        "the",
        "tokens",
        "0",
        "42",
        "_",
        "-",
        "—",
        "…",
        "한국",
        "ไทย",
        "हिन्दी",
        "العربية",
    ]);
    let part =
        prop_oneof![3 => nasty.prop_map(String::from), 1 => any::<char>().prop_map(String::from)];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(seeded::cases(2000))]

    #[test]
    fn any_text_is_encoded_as_tiktoken_encodes_it_and_comes_back(text in text()) {
        let encoder = BytePairEncoder::gpt2();
        let ids = encoder.encode(&text);
        let official: Vec<i64> =
            tiktoken_rs::r50k_base_singleton().encode_ordinary(&text).into_iter().map(i64::from).collect();
        prop_assert_eq!(&ids, &official);
        prop_assert_eq!(&FastEncoder::gpt2().encode(&text), &ids);
        prop_assert!(!ids.contains(&END_OF_TEXT));
        prop_assert_eq!(encoder.decode(&ids).expect("its own ids"), text);
    }

    #[test]
    fn the_pieces_of_a_split_joined_together_are_the_text(text in text()) {
        prop_assert_eq!(split_pieces(&text).concat(), text);
    }

    #[test]
    fn a_stream_gives_the_decoded_text_in_whole_characters(ids in prop::collection::vec(0_i64..50257, 0..40)) {
        let encoder = BytePairEncoder::gpt2();
        let mut stream = StreamDecoder::new(encoder);
        let mut text = String::new();
        for &id in &ids {
            text.push_str(&stream.push(id).expect("an id"));
        }
        text.push_str(&stream.finish());
        prop_assert_eq!(text, encoder.decode(&ids).expect("ids"));
    }

    #[test]
    fn a_stream_of_a_text_never_shows_a_broken_character(text in text()) {
        let encoder = BytePairEncoder::gpt2();
        let mut stream = StreamDecoder::new(encoder);
        let mut given = String::new();
        for id in encoder.encode(&text) {
            given.push_str(&stream.push(id).expect("an id"));
            prop_assert!(text.starts_with(&given), "{:?} does not begin {:?}", given, text);
        }
        prop_assert_eq!(given, text);
    }
}

proptest! {
    #![proptest_config(seeded::cases(200))]

    #[test]
    fn a_fast_encoder_gives_the_ids_of_the_one_it_was_made_of(
        training in "[ab ]{0,60}|[a-d' ]{0,60}|\\PC{0,30}", text in "[a-d ]{0,20}|[ab]{0,200}|\\PC{0,30}"
    ) {
        let encoder = BytePairEncoder::train(&training, 30);
        let ids = encoder.encode(&text);
        prop_assert_eq!(&FastEncoder::new(&encoder).encode(&text), &ids);
        prop_assert_eq!(encoder.decode(&ids).expect("its own ids"), text);
    }

    #[test]
    fn merges_read_off_an_encoder_are_those_it_learned(training in "[ab]{0,60}|[a-d' ]{0,60}|\\PC{0,30}") {
        let encoder = BytePairEncoder::train(&training, 30);
        let learned = learn_merges(&training, 30);
        let learned: Vec<(&[u8], &[u8])> = learned.iter().map(|merge| (&merge.left[..], &merge.right[..])).collect();
        prop_assert_eq!(encoder.merges(), learned);
    }

    #[test]
    fn windows_start_every_stride_and_targets_are_one_token_later(
        length in 2_usize..80, context in 1_usize..20, stride in 1_usize..25
    ) {
        prop_assume!(length > context);
        let windows = Windows::new((0..length as i64).collect(), context, stride).expect("long enough");
        let starts: Vec<usize> = (0..length - context).step_by(stride).collect();
        prop_assert_eq!(windows.len(), starts.len());
        let (inputs, targets) = windows.batch(&(0..windows.len()).collect::<Vec<_>>());
        prop_assert_eq!(inputs.size(), [starts.len() as i64, context as i64]);
        for (row, &start) in starts.iter().enumerate() {
            let input = Vec::<i64>::try_from(inputs.get(row as i64)).expect("a row");
            prop_assert_eq!(input, (start as i64..).take(context).collect::<Vec<_>>());
        }
        prop_assert_eq!(targets, inputs + 1);
    }

    #[test]
    fn any_generator_shuffles_and_gives_a_number_for_each_place_but_the_last(seed in any::<u64>(), items in 1_usize..300) {
        let (mut generator, mut twin) = (Mt64::new(seed), Mt64::new(seed));
        let mut order = random_permutation(items, &mut generator);
        order.sort_unstable();
        prop_assert_eq!(order, (0..items).collect::<Vec<_>>());
        for _ in 1..items {
            twin.next_u32();
        }
        prop_assert_eq!(generator.next_u64(), twin.next_u64());
    }

    #[test]
    fn a_sample_holds_no_item_twice(seed in any::<u64>(), items in 0_usize..300, part in 0.0..=1.0) {
        let size = (items as f64 * part) as usize;
        let mut picked = python_sample(&mut python(seed), items, size).expect("fewer than there are");
        picked.sort_unstable();
        picked.dedup();
        prop_assert_eq!(picked.len(), size);
        prop_assert!(picked.last().is_none_or(|&last| last < items));
    }
}
