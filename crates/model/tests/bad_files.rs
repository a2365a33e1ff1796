//! Files that lie: each is refused in one sentence, without a panic, and before much memory is taken.

mod peak;

use anyhow::Result;
use model::{
    config::{Gelu, Gpt2Config},
    format::{self, CONFIG, WEIGHTS, safetensors::WeightFile},
    gpt2::Gpt2,
};
use peak::takes_less_than;
use serde_json::{Value, json};
use std::{fs, panic::AssertUnwindSafe, path::Path, sync::OnceLock};
use tch::Device;
use tempfile::TempDir;

/// More than this beside the size of a file is never taken to read it, however broken it is.
const MOST_BYTES: u64 = 64 << 20;

const SIZES: Gpt2Config = Gpt2Config {
    vocab_size: 11,
    context: 6,
    channels: 4,
    heads: 2,
    layers: 2,
    hidden: 16,
    dropout: 0.0,
    qkv_bias: true,
    tied: true,
    gelu: Gelu::Tanh,
    norm_epsilon: 1e-5,
};

/// Both files of a whole model.
fn whole() -> &'static (Vec<u8>, Value) {
    static WHOLE: OnceLock<(Vec<u8>, Value)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        format::save(folder.path(), &Gpt2::new(SIZES, Device::Cpu).expect("possible sizes"))
            .expect("room");
        let config = fs::read_to_string(folder.path().join(CONFIG)).expect("a written file");
        (
            fs::read(folder.path().join(WEIGHTS)).expect("a written file"),
            serde_json::from_str(&config).expect("JSON"),
        )
    })
}

fn folder(weights: &[u8], config: &Value) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join(WEIGHTS), weights).expect("room on the disk");
    fs::write(folder.path().join(CONFIG), config.to_string()).expect("room on the disk");
    folder
}

/// What a load says, and a look at the weights where they lie as well: nothing, or the complaint, which must be fit for a reader.
fn complaint(folder: &Path) -> Option<String> {
    let told = |model: &dyn Fn() -> Result<Gpt2>| {
        let model = std::panic::catch_unwind(AssertUnwindSafe(model)).expect("a load never panics");
        model.err().map(|error| format!("{error:#}"))
    };
    let complaint = told(&|| format::load(folder, Device::Cpu));
    assert_eq!(complaint, told(&|| format::map(folder)), "read and mapped");
    if let Some(complaint) = &complaint {
        assert!(
            !complaint.contains('\n') && !complaint.contains("frame #"),
            "not one sentence: {complaint}"
        );
    }
    complaint
}

fn refused(weights: &[u8], config: &Value) -> String {
    complaint(folder(weights, config).path()).expect("a refusal")
}

/// The header of the whole model as JSON, and where the data begins.
fn header(weights: &[u8]) -> (Value, usize) {
    let length = u64::from_le_bytes(weights[..8].try_into().expect("eight bytes")) as usize;
    (serde_json::from_slice(&weights[8..8 + length]).expect("JSON"), 8 + length)
}

/// The whole model with its header changed.
fn with_header(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let (weights, _) = whole();
    let (mut json, data) = header(weights);
    change(&mut json);
    let text = json.to_string().into_bytes();
    [&(text.len() as u64).to_le_bytes()[..], &text, &weights[data..]].concat()
}

#[test]
fn the_whole_model_loads() {
    let (weights, config) = whole();
    assert_eq!(complaint(folder(weights, config).path()), None);
}

#[test]
fn a_file_cut_off_at_any_of_200_places_is_refused() {
    let (weights, config) = whole();
    assert!(complaint(folder(weights, config).path()).is_none(), "libtorch is up from here on");
    takes_less_than(MOST_BYTES, || {
        for step in 0..200 {
            let length = weights.len() * step / 200;
            let complaint = refused(&weights[..length], config);
            assert!(
                complaint.contains(WEIGHTS) && complaint.contains("fetch it again"),
                "{length} bytes: {complaint}"
            );
        }
    });
    assert!(refused(&weights[..weights.len() - 1], config).contains("is not whole"));
    assert!(refused(&[&weights[..], &[0]].concat(), config).contains("is not whole"));
}

#[test]
fn a_flipped_bit_is_refused_or_changes_a_value() {
    let (weights, config) = whole();
    let (_, data) = header(weights);
    let folder = folder(weights, config);
    let mut accepted_in_header = Vec::new();
    // 400 places in the header, whose bits are flipped in turn, and 200 in the values.
    let places = (0..400)
        .map(|step| data * step / 400)
        .chain((0..200).map(|step| data + (weights.len() - data) * step / 200));
    assert!(complaint(folder.path()).is_none(), "libtorch is up from here on");
    takes_less_than(MOST_BYTES, || {
        for (step, place) in places.enumerate() {
            let mut flipped = weights.clone();
            flipped[place] ^= 1 << (step % 8);
            fs::write(folder.path().join(WEIGHTS), &flipped).expect("room on the disk");
            if complaint(folder.path()).is_none() && place < data {
                accepted_in_header.push(place);
            }
        }
    });
    // Only the remark that the numbers are PyTorch's, and the spaces that fill the header up, say nothing about the weights.
    let (remark, blanks) =
        (weights.windows(13).position(|bytes| bytes == b"\"format\":\"pt\""), data - 8);
    let remark = remark.expect("the remark");
    for place in accepted_in_header {
        assert!(
            (remark..remark + 13).contains(&place) || place >= blanks,
            "byte {place} of the header does not matter"
        );
    }
}

#[test]
fn a_lie_about_sizes_takes_no_memory() {
    let (weights, config) = whole();
    let mut huge = config.clone();
    for (key, size) in [("n_embd", 10_000), ("n_layer", 12), ("vocab_size", 100_000), ("n_head", 4)]
    {
        huge[key] = size.into();
    }
    let long = [&(1_u64 << 27).to_le_bytes()[..], &weights[8..]].concat();
    takes_less_than(MOST_BYTES, || {
        assert!(refused(weights, &huge).contains("of the wrong shape: "));
        assert!(refused(&long, config).contains("announces a header of 134217728 bytes"));
    });
}

#[test]
fn sizes_that_overflow_are_refused() {
    let (_, config) = whole();
    for shape in [
        json!([1_u64 << 62, 4]),
        json!([u64::MAX, u64::MAX]),
        json!([1_u64 << 63]),
        json!([-1, 4]),
        json!([0.5]),
    ] {
        let weights =
            with_header(|header| header["transformer.wte.weight"]["shape"] = shape.clone());
        let complaint = refused(&weights, config);
        assert!(complaint.contains("has a damaged header; fetch it again"), "{shape}: {complaint}");
    }
    for offsets in [json!([0, u64::MAX]), json!([8, 4]), json!([u64::MAX, 0]), json!([0])] {
        let weights = with_header(|header| {
            header["transformer.wte.weight"]["data_offsets"] = offsets.clone();
        });
        let complaint = refused(&weights, config);
        assert!(
            complaint.contains("has a damaged header; fetch it again"),
            "{offsets}: {complaint}"
        );
    }
}

#[test]
fn a_tensor_without_values_whose_sizes_overflow_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("none.safetensors");
    for shape in
        [json!([0, 1_u64 << 62, 4]), json!([1_u64 << 63, 0]), json!([0, (1_u64 << 62) - 1, 2])]
    {
        let header =
            json!({"none": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}}).to_string();
        fs::write(&path, [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat())
            .expect("room");
        let complaint = WeightFile::open(&path).expect_err("a refusal").to_string();
        assert!(
            complaint.starts_with("none in ")
                && complaint.ends_with("has sizes that overflow; fetch it again")
        );
    }
}

#[test]
fn what_is_no_weight_file_is_called_by_its_name() {
    let (_, config) = whole();
    let pages: [(&[u8], &str); 8] = [
        (
            b"<!DOCTYPE html>\n<html><body>Not found</body></html>",
            "is a web page, not a safetensors file",
        ),
        (
            b"\n <html><head></head><body>Not found</body></html>",
            "is a web page, not a safetensors file",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
            "is a pointer left by Git LFS",
        ),
        (
            b"PK\x03\x04\0\0\x08\x08 archive/data.pkl",
            "is a PyTorch archive, not a safetensors file",
        ),
        (b"{\"error\": \"not found\"}", "announces a header of"),
        (&[255; 64], "announces a header of 18446744073709551615 bytes in a file of 64"),
        (b"", "is too short for a safetensors file"),
        (b"1234567", "is too short for a safetensors file"),
    ];
    for (bytes, expected) in pages {
        let complaint = refused(bytes, config);
        assert!(
            complaint.contains(expected) && complaint.contains("fetch it again"),
            "{complaint}"
        );
    }
}

#[test]
fn a_header_whose_length_looks_like_a_web_page_is_read() {
    // 60 is the letter `<`: other writers than ours do not fill the header up to a multiple of eight.
    let (weights, config) = whole();
    let (_, data) = header(weights);
    let blanks = (60 + 256 * 64) - (data - 8);
    let length = (data - 8 + blanks) as u64;
    assert_eq!(length.to_le_bytes()[0], b'<');
    let longer =
        [&length.to_le_bytes()[..], &weights[8..data], &vec![b' '; blanks], &weights[data..]]
            .concat();
    assert_eq!(complaint(folder(&longer, config).path()), None);
}

#[test]
fn missing_surplus_misshapen_and_unreadable_tensors_are_all_named() {
    let (_, config) = whole();
    let weights = with_header(|header| {
        let tensors = header.as_object_mut().expect("an object");
        for (old, new) in [("h.0.ln_1.bias", "h.0.ln_3.bias"), ("h.1.ln_2.weight", "extra")] {
            let tensor = tensors.remove(&format!("transformer.{old}")).expect("a known tensor");
            tensors.insert(format!("transformer.{new}"), tensor);
        }
        tensors["transformer.wpe.weight"]["shape"] = json!([4, 6]);
        tensors["transformer.h.0.mlp.c_fc.bias"]["dtype"] = "I32".into();
        tensors["transformer.h.1.mlp.c_fc.bias"]["dtype"] = "U32".into();
    });
    let complaint = refused(&weights, config);
    for part in [
        "does not fit its config.json: 2 tensors are missing: h.0.ln_1.bias, h.1.ln_2.weight; ",
        "2 tensors are unknown: transformer.extra, transformer.h.0.ln_3.bias; ",
        "1 tensors are of the wrong shape: transformer.wpe.weight is [4, 6], not [6, 4]; ",
        "2 tensors are of the wrong kind: transformer.h.0.mlp.c_fc.bias in ",
        " holds I32; only F32, F16 and BF16 can be loaded, transformer.h.1.mlp.c_fc.bias in ",
    ] {
        assert!(complaint.contains(part), "`{part}` is not in: {complaint}");
    }
}

#[test]
fn two_tensors_for_one_place_are_refused() {
    let (_, config) = whole();
    let weights = with_header(|header| {
        let tensors = header.as_object_mut().expect("an object");
        let twin = tensors.remove("transformer.h.0.ln_1.bias").expect("a known tensor");
        tensors.insert("h.1.ln_1.bias".to_owned(), twin);
    });
    let complaint = refused(&weights, config);
    assert!(
        complaint.contains("transformer.h.1.ln_1.bias and h.1.ln_1.bias claim the same place"),
        "{complaint}"
    );
}

#[test]
fn a_value_that_is_no_number_is_refused_by_the_name_of_its_tensor() {
    let (weights, config) = whole();
    let (json, data) = header(weights);
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for name in [
            "transformer.wte.weight",
            "transformer.ln_f.bias",
            "transformer.h.1.attn.c_attn.weight",
        ] {
            let end = data + json[name]["data_offsets"][1].as_u64().expect("an offset") as usize;
            let mut broken = weights.clone();
            broken[end - 4..end].copy_from_slice(&value.to_le_bytes());
            let complaint = refused(&broken, config);
            assert!(complaint.starts_with(&format!("{name} in ")), "{complaint}");
            assert!(
                complaint
                    .ends_with("holds a value that is not a finite number; fetch the file again"),
                "{complaint}"
            );
        }
    }
}

#[test]
fn a_stored_bias_that_the_model_has_no_place_for_is_refused() {
    let (weights, config) = whole();
    let mut without = config.clone();
    without["qkv_bias"] = false.into();
    let complaint = refused(weights, &without);
    assert!(
        complaint.contains("transformer.h.0.attn.c_attn.bias is not zero, but config.json says"),
        "{complaint}"
    );
}

#[test]
fn a_missing_file_is_named() {
    let (weights, config) = whole();
    for lost in [WEIGHTS, CONFIG] {
        let folder = folder(weights, config);
        fs::remove_file(folder.path().join(lost)).expect("a file to remove");
        let complaint = complaint(folder.path()).expect("a refusal");
        assert!(complaint.contains(lost) && complaint.contains("No such file"), "{complaint}");
    }
    let folder = folder(weights, config);
    fs::remove_file(folder.path().join(WEIGHTS)).expect("a file to remove");
    fs::create_dir(folder.path().join(WEIGHTS)).expect("a folder in its place");
    assert!(complaint(folder.path()).expect("a refusal").contains("is a folder, not a file"));
}

#[test]
fn a_configuration_that_is_absurd_or_contradicts_itself_is_refused_by_its_key() {
    let (weights, config) = whole();
    let cases = [
        ("n_embd", json!(0), "channels is 0; it must be from 1 to 65536"),
        ("n_embd", json!(-768), "channels is -768; it must be from 1 to 65536"),
        ("n_embd", json!(1_i64 << 40), "channels is 1099511627776; it must be from 1 to 65536"),
        ("n_embd", json!(4.5), "n_embd is 4.5, not a whole number"),
        ("n_embd", json!("4"), "n_embd is \"4\", not a whole number"),
        ("n_embd", json!(1e300), "n_embd is 1e+300, not a whole number"),
        ("n_embd", json!(u64::MAX), "n_embd is 18446744073709551615, not a whole number"),
        ("n_embd", Value::Null, "n_embd is missing"),
        ("n_head", json!(3), "4 channels do not split into 3 equal heads"),
        ("n_head", json!(0), "heads is 0"),
        ("n_layer", json!(100_000), "layers is 100000; it must be from 1 to 1024"),
        ("n_layer", json!(3), "tensors are missing: h.2.attn.c_attn.bias"),
        ("n_layer", json!(1), "tensors are unknown: transformer.h.1.attn.c_attn.bias"),
        ("n_inner", json!(0), "hidden is 0"),
        ("n_inner", json!(15), "is [4, 16], not [4, 15]"),
        ("vocab_size", Value::Null, "vocab_size is missing"),
        (
            "vocab_size",
            json!(1_i64 << 60),
            "vocab_size is 1152921504606846976; it must be from 1 to 16777216",
        ),
        ("vocab_size", json!(12), "transformer.wte.weight is [11, 4], not [12, 4]"),
        ("n_positions", json!(7), "transformer.wpe.weight is [6, 4], not [7, 4]"),
        ("layer_norm_epsilon", json!(0), "norm_epsilon is 0; it must lie between 0 and 1"),
        ("layer_norm_epsilon", json!("small"), "layer_norm_epsilon is \"small\", not a number"),
        ("resid_pdrop", json!(1.5), "resid_pdrop is 1.5; it must be at least 0 and less than 1"),
        (
            "activation_function",
            json!("relu"),
            "activation_function is \"relu\"; this model knows gelu_new and gelu",
        ),
        ("activation_function", json!(7), "activation_function is not a name"),
        ("model_type", json!("llama"), "model_type is \"llama\", not \"gpt2\""),
        (
            "scale_attn_weights",
            json!(false),
            "scale_attn_weights is false, which this model does not do",
        ),
        ("scale_attn_by_inverse_layer_idx", json!(true), "scale_attn_by_inverse_layer_idx is true"),
        ("add_cross_attention", json!("yes"), "add_cross_attention is \"yes\", not true or false"),
        ("tie_word_embeddings", json!(false), "tensors are missing: lm_head.weight"),
        ("tie_word_embeddings", json!(1), "tie_word_embeddings is 1, not true or false"),
    ];
    for (key, value, expected) in cases {
        let mut broken = config.clone();
        broken[key] = value;
        let complaint = refused(weights, &broken);
        assert!(complaint.contains(expected), "{key}: `{expected}` is not in: {complaint}");
    }
    for (text, expected) in [
        ("[]", "it is not a JSON object"),
        ("<html>", "is not JSON"),
        ("", "is not JSON"),
        ("{}", "is missing"),
    ] {
        let folder = folder(weights, config);
        fs::write(folder.path().join(CONFIG), text).expect("room on the disk");
        let complaint = complaint(folder.path()).expect("a refusal");
        assert!(complaint.contains(expected), "{text}: {complaint}");
    }
}

#[test]
fn a_failed_write_leaves_the_old_file() {
    let (weights, config) = whole();
    let folder = folder(weights, config);
    let path = folder.path().join(WEIGHTS);
    let doubles = tch::Tensor::zeros([2], tch::kind::DOUBLE_CPU);
    let error = model::format::safetensors::write(&path, vec![("x".to_owned(), doubles)])
        .expect_err("a refusal");
    assert!(format!("{error:#}").contains("x holds Double, not 32-bit floats"));
    let infinite = tch::Tensor::from_slice(&[1.0_f32, f32::INFINITY]);
    let error = model::format::safetensors::write(&path, vec![("x".to_owned(), infinite)])
        .expect_err("a refusal");
    assert!(format!("{error:#}").contains("x holds a value that is not a finite number"));
    let error = model::format::safetensors::replace(&path, |temporary| {
        fs::write(temporary, b"half of it")?;
        anyhow::bail!("the disk is full")
    });
    assert!(format!("{:#}", error.expect_err("a refusal")).contains("the disk is full"));
    assert_eq!(&fs::read(&path).expect("the old file"), weights);
    assert_eq!(
        fs::read_dir(folder.path()).expect("a folder").count(),
        2,
        "the temporary file is gone"
    );
}

#[test]
fn sixteen_bit_floats_are_widened_and_a_lone_number_is_a_tensor() {
    let header = json!({
        "half": {"dtype": "F16", "shape": [2, 2], "data_offsets": [0, 8]},
        "brain": {"dtype": "BF16", "shape": [2], "data_offsets": [8, 12]},
        "one": {"dtype": "F32", "shape": [], "data_offsets": [12, 16]},
        "none": {"dtype": "F32", "shape": [3, 0], "data_offsets": [16, 16]},
    });
    let text = header.to_string().into_bytes();
    let halves = [0x3c00_u16, 0xc000, 0x3555, 0x0001].map(u16::to_le_bytes).concat(); // 1, -2, nearly 1/3, 2^-24
    let brains = [0x3f80_u16, 0xc2f7].map(u16::to_le_bytes).concat(); // 1, -123.5
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("values.safetensors");
    let bytes =
        [&(text.len() as u64).to_le_bytes()[..], &text, &halves, &brains, &4.25_f32.to_le_bytes()]
            .concat();
    fs::write(&path, bytes).expect("room on the disk");
    let mut file = WeightFile::open(&path).expect("a whole file");
    let mut values = |name: &str| {
        let tensor = file.tensor(name).expect("a readable tensor");
        (tensor.size(), Vec::<f32>::try_from(tensor.reshape([-1])).expect("floats"))
    };
    assert_eq!(values("half"), (vec![2, 2], vec![1.0, -2.0, 0.333_251_95, 2_f32.powi(-24)]));
    assert_eq!(values("brain"), (vec![2], vec![1.0, -123.5]));
    assert_eq!(values("one"), (vec![], vec![4.25]));
    assert_eq!(values("none"), (vec![3, 0], vec![]));
    assert!(
        format!("{:#}", file.tensor("two").expect_err("a refusal")).ends_with("has no tensor two")
    );
}

#[test]
fn a_file_that_is_replaced_between_opening_and_mapping_is_refused() {
    let (weights, config) = whole();
    let folder = folder(weights, config);
    let path = folder.path().join(WEIGHTS);
    let file = WeightFile::open(&path).expect("a whole file");
    let name = "transformer.h.0.mlp.c_fc.weight";
    assert!(file.map([name]).expect("nothing has changed").is_some());
    // The same sizes in another order: the header is as long, and says something else.
    let other = Gpt2Config { vocab_size: 6, context: 11, ..SIZES };
    format::save(folder.path(), &Gpt2::new(other, Device::Cpu).expect("possible sizes"))
        .expect("room");
    let said = file.map([name]).expect_err("another file").to_string();
    assert!(said.ends_with("was replaced while it was being opened; start again"), "{said}");
}
