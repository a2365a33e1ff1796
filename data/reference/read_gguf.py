"""What other programs make of a GGUF file that `finetune export --gguf` has written, as JSON.

`gguf` of llama.cpp reads it: names, types, and with `--beside FILE`, the same model in float32, the tensors that it would have written
otherwise. llama.cpp runs it: ids of the text, logits of its last position, greedy ids. Both need an environment of their own, once
(llama.cpp is compiled, which takes some minutes):

    python3 -m venv .venv-gguf
    .venv-gguf/bin/pip install --no-binary llama-cpp-python -r data/reference/llama_cpp_requirements.txt
    .venv-gguf/bin/python data/reference/read_gguf.py FILE "At the end of the" [--new-tokens 12] [--beside FLOAT32_FILE]
"""

import argparse
import json
from importlib.metadata import version

import llama_cpp
import numpy
from gguf import GGMLQuantizationType, GGUFReader, quants


def tensors(path):
    return {tensor.name: tensor for tensor in GGUFReader(path).tensors}


def otherwise(ours, exact):
    """The tensors whose bytes are not those that `gguf` makes of the same weights in float32."""
    ours, exact = tensors(ours), tensors(exact)
    assert ours.keys() == exact.keys()

    def differs(name):
        weights = exact[name].data.astype(numpy.float32)
        theirs = quants.quantize(weights, ours[name].tensor_type)
        return not numpy.array_equal(theirs.view(numpy.uint8), ours[name].data.view(numpy.uint8))

    return [name for name in ours if differs(name)]


def run(path, text, new_tokens):
    """Ids of the text, logits of its last position, and the text with the likeliest tokens."""
    # The weights as the file has them: not packed anew for instructions that a processor may name and its system not allow.
    defaults = llama_cpp.llama_cpp.llama_model_default_params()
    defaults.use_extra_bufts = False
    llama_cpp.llama_cpp.llama_model_default_params = lambda: defaults
    # Keys and values of the cache as they are, which are rounded to 16 bits by default.
    cache = {"type_k": llama_cpp.GGML_TYPE_F32, "type_v": llama_cpp.GGML_TYPE_F32}
    model = llama_cpp.Llama(path, n_ctx=0, n_threads=1, n_threads_batch=1, logits_all=True, verbose=False, **cache)
    ids = model.tokenize(text.encode(), add_bos=model.metadata["tokenizer.ggml.add_bos_token"] == "true", special=False)
    written = list(ids)
    model.eval(ids)
    logits = model.scores[len(ids) - 1].tolist()
    for _ in range(new_tokens):
        written.append(int(model.scores[len(written) - 1].argmax()))
        if written[-1] == model.token_eos():
            break
        model.eval(written[-1:])
    return {"ids": ids, "logits": logits, "greedy": written, "text": model.detokenize(written).decode(errors="replace"), "context": int(model.metadata["gpt2.context_length"])}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("text")
    parser.add_argument("--new-tokens", type=int, default=12)
    parser.add_argument("--beside")
    options = parser.parse_args()
    said = {"versions": {"llama-cpp-python": llama_cpp.__version__} | {name: version(name) for name in ["gguf", "numpy"]}}
    said["types"] = {name: GGMLQuantizationType(tensor.tensor_type).name for name, tensor in tensors(options.file).items()}
    if options.beside:
        said["otherwise"] = otherwise(options.file, options.beside)
    print(json.dumps(said | run(options.file, options.text, options.new_tokens)))
