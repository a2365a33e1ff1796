//! The file for llama.cpp, read back by its description. Whether llama.cpp reads it so is tested in the crate `finetune`.

use embedding::bpe::BytePairEncoder;
use model::{
    config::Gpt2Config,
    format::{
        gguf::{NumberType, write},
        tokenizer::Tokenizer,
    },
    gpt2::Gpt2,
};
use std::{borrow::Cow, collections::BTreeMap, fs};
use tch::{Device, Tensor};

/// A walk through the bytes of a file.
struct Walk<'a>(&'a [u8]);

impl<'a> Walk<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }
    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().expect("four"))
    }
    fn u64(&mut self) -> usize {
        u64::from_le_bytes(self.take(8).try_into().expect("eight")) as usize
    }
    fn text(&mut self) -> String {
        let length = self.u64();
        String::from_utf8(self.take(length).to_vec()).expect("UTF-8")
    }
    /// A value of the metadata as text; of a list, its values with a space between them.
    fn value(&mut self, kind: u32) -> String {
        match kind {
            4 | 5 => self.u32().to_string(),
            6 => f32::from_bits(self.u32()).to_string(),
            7 => (self.take(1) == [1]).to_string(),
            8 => self.text(),
            9 => {
                let (kind, length) = (self.u32(), self.u64());
                (0..length).map(|_| self.value(kind)).collect::<Vec<_>>().join(" ")
            }
            other => panic!("kind {other}"),
        }
    }
}

/// What the metadata say, and each tensor's sizes with that of the rows first, type, and bytes to the end of the file.
type Read = (BTreeMap<String, String>, BTreeMap<String, (Vec<usize>, u32, Vec<u8>)>);

fn read(file: &[u8]) -> Read {
    let mut walk = Walk(file);
    assert_eq!((walk.take(4), walk.u32()), (&b"GGUF"[..], 3));
    let (tensors, keys) = (walk.u64(), walk.u64());
    let mut metadata = BTreeMap::new();
    for _ in 0..keys {
        let (key, kind) = (walk.text(), walk.u32());
        assert!(metadata.insert(key, walk.value(kind)).is_none(), "a key stands twice");
    }
    let mut described = Vec::new();
    for _ in 0..tensors {
        let (name, dims) = (walk.text(), walk.u32());
        let shape: Vec<usize> = (0..dims).map(|_| walk.u64()).collect();
        described.push((name, shape, walk.u32(), walk.u64()));
    }
    let start = (file.len() - walk.0.len()).next_multiple_of(32);
    let place = |(name, shape, kind, offset): (String, Vec<usize>, u32, usize)| {
        assert_eq!(offset % 32, 0, "{name}");
        (name, (shape, kind, file[start + offset..].to_vec()))
    };
    (metadata, described.into_iter().map(place).collect())
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    let numbers = Vec::<f32>::try_from(tensor.reshape([-1])).expect("floats");
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn own_tokenizer() -> Tokenizer {
    let encoder = BytePairEncoder::train("abc abc abc ab ab", 3).with_end_of_text();
    Tokenizer { encoder: Cow::Owned(encoder), ..Tokenizer::default() }
}

/// A model with 262 rows for 260 tokens.
fn model(config: Gpt2Config) -> Gpt2 {
    let config = Gpt2Config { vocab_size: 262, context: 8, heads: 2, layers: 1, ..config };
    Gpt2::new(config, Device::Cpu).expect("a possible model")
}

#[test]
fn the_file_holds_the_sizes_and_the_tokens() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.gguf");
    let model = model(Gpt2Config { channels: 32, hidden: 64, qkv_bias: false, ..Gpt2Config::TINY });
    write(&path, &model, &own_tokenizer(), NumberType::F32, "mine").expect("room");
    let (metadata, _) = read(&fs::read(&path).expect("written"));
    for (key, value) in [
        ("general.architecture", "gpt2"),
        ("general.name", "mine"),
        ("gpt2.context_length", "8"),
        ("gpt2.embedding_length", "32"),
        ("gpt2.feed_forward_length", "64"),
        ("gpt2.block_count", "1"),
        ("gpt2.attention.head_count", "2"),
        ("gpt2.attention.layer_norm_epsilon", "0.00001"),
        ("tokenizer.ggml.pre", "gpt-2"),
        ("tokenizer.ggml.merges", "a b Ġ ab Ġab c"),
        ("tokenizer.ggml.eos_token_id", "259"),
        ("tokenizer.ggml.add_bos_token", "false"),
    ] {
        assert_eq!(metadata[key], value, "{key}");
    }
    let tokens: Vec<&str> = metadata["tokenizer.ggml.tokens"].split(' ').collect();
    assert_eq!(tokens[256..], ["ab", "Ġab", "Ġabc", "<|endoftext|>", "[PAD260]", "[PAD261]"]);
    let kinds: Vec<&str> = metadata["tokenizer.ggml.token_type"].split(' ').collect();
    assert_eq!((kinds.len(), &kinds[258..]), (262, &["1", "3", "5", "5"][..]));
}

/// Each of our parameters by llama.cpp's name, worked out by hand for one block.
fn expected(model: &Gpt2) -> BTreeMap<String, Tensor> {
    let ours = model.store.variables();
    let (config, mut all) = (model.config, BTreeMap::new());
    for (theirs, name) in [
        ("token_embd.weight", "token.weight"),
        ("position_embd.weight", "position.weight"),
        ("blk.0.attn_norm.weight", "blocks.0.norm1.weight"),
        ("blk.0.attn_norm.bias", "blocks.0.norm1.bias"),
        ("blk.0.attn_output.weight", "blocks.0.attention.output.weight"),
        ("blk.0.attn_output.bias", "blocks.0.attention.output.bias"),
        ("blk.0.ffn_norm.weight", "blocks.0.norm2.weight"),
        ("blk.0.ffn_norm.bias", "blocks.0.norm2.bias"),
        ("blk.0.ffn_up.weight", "blocks.0.feed_forward.up.weight"),
        ("blk.0.ffn_up.bias", "blocks.0.feed_forward.up.bias"),
        ("blk.0.ffn_down.weight", "blocks.0.feed_forward.down.weight"),
        ("blk.0.ffn_down.bias", "blocks.0.feed_forward.down.bias"),
        ("output_norm.weight", "norm.weight"),
        ("output_norm.bias", "norm.bias"),
    ] {
        all.insert(theirs.to_owned(), ours[name].shallow_clone());
    }
    let qkv = |kind: &str| {
        let part = |name: &str| &ours[&format!("blocks.0.attention.{name}.{kind}")];
        Tensor::cat(&["query", "key", "value"].map(part), 0)
    };
    let none = || Tensor::zeros([3 * config.channels], tch::kind::FLOAT_CPU); // llama.cpp wants one
    all.insert("blk.0.attn_qkv.weight".to_owned(), qkv("weight"));
    let bias = if config.qkv_bias { qkv("bias") } else { none() };
    all.insert("blk.0.attn_qkv.bias".to_owned(), bias);
    if !config.tied {
        all.insert("output.weight".to_owned(), ours["head.weight"].shallow_clone());
    }
    all
}

/// Gives each number of a model another value, so that none can stand for another.
fn number(model: &Gpt2) {
    let mut first = 0;
    for (_, mut parameter) in model.parameters() {
        let behind = first + parameter.numel() as i64;
        let numbers = Tensor::arange_start(first, behind, tch::kind::FLOAT_CPU);
        tch::no_grad(|| parameter.copy_(&numbers.view_as(&parameter)));
        first = behind;
    }
}

#[test]
fn every_number_is_in_the_file_under_llama_cpps_name_and_in_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.gguf");
    for (tied, qkv_bias) in [(true, true), (false, false)] {
        // Sizes of which few fill whole units of 32 bytes.
        let sizes = Gpt2Config { channels: 10, hidden: 20, tied, qkv_bias, ..Gpt2Config::TINY };
        let model = model(sizes);
        number(&model);
        write(&path, &model, &own_tokenizer(), NumberType::F32, "mine").expect("room");
        let (_, tensors) = read(&fs::read(&path).expect("written"));
        let expected = expected(&model);
        assert!(tensors.keys().eq(expected.keys()), "{:?}", tensors.keys());
        for (name, tensor) in expected {
            let (shape, kind, data) = &tensors[&name];
            let sizes = tensor.size().into_iter().rev().map(|size| size as usize);
            assert_eq!((shape, *kind), (&sizes.collect(), 0), "{name}");
            assert!(data.starts_with(&bytes(&tensor)), "the numbers of {name}");
        }
    }
}

#[test]
fn positions_norms_and_biases_stay_in_32_bits_whatever_the_type() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.gguf");
    let model = model(Gpt2Config { channels: 32, hidden: 64, ..Gpt2Config::TINY });
    for (number_type, number, file_type) in [(NumberType::F16, 1, "1"), (NumberType::Q8_0, 8, "7")]
    {
        write(&path, &model, &own_tokenizer(), number_type, "mine").expect("room");
        let (metadata, tensors) = read(&fs::read(&path).expect("written"));
        assert_eq!(metadata["general.file_type"], file_type);
        for (name, (shape, kind, data)) in tensors {
            let stays = shape.len() == 1 || name == "position_embd.weight";
            assert_eq!(kind, if stays { 0 } else { number }, "{name}");
            if stays {
                let numbers = bytes(&expected(&model)[&name]);
                assert!(data.starts_with(&numbers), "the numbers of {name}, {number_type}");
            }
        }
    }
}

#[test]
fn what_cannot_be_written_is_refused_with_a_sentence_and_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.gguf");
    let narrow = model(Gpt2Config { channels: 24, hidden: 64, ..Gpt2Config::TINY });
    let refused = |tokenizer: &Tokenizer, number_type| {
        let refusal = write(&path, &narrow, tokenizer, number_type, "mine").expect_err("a refusal");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
        format!("{refusal:#}")
    };
    assert_eq!(
        refused(&own_tokenizer(), NumberType::Q8_0),
        "q8_0 cuts rows into blocks of 32, but channels is 24, which is no multiple of it; take f16"
    );
    let endless = BytePairEncoder::train("abc abc", 3);
    let endless = Tokenizer { encoder: Cow::Owned(endless), ..Tokenizer::default() };
    assert!(refused(&endless, NumberType::F16).contains("no token that ends a text"));
    tch::no_grad(|| {
        let _ = narrow.store.variables()["token.weight"].get(0).fill_(7e4);
    });
    let said = refused(&own_tokenizer(), NumberType::F16);
    assert!(
        said.ends_with("token_embd.weight: a weight of 70000 is too large for 16 bits; take f32"),
        "{said}"
    );
}
