"""What llama.cpp makes of a folder that `finetune export` has written, as JSON: versions, ids, logits of the last position, greedy ids.

The folder is turned into a GGUF file of float32 by the converter in the source archive of llama-cpp-python, as it is there, and read
by the llama.cpp of the same archive. It needs an environment of its own, once (llama.cpp is compiled, which takes some minutes):

    python3 -m venv .venv-gguf
    .venv-gguf/bin/pip install --no-binary llama-cpp-python -r data/reference/gguf_requirements.txt
    .venv-gguf/bin/pip download --no-deps --no-binary llama-cpp-python --dest .venv-gguf llama-cpp-python==0.3.36
    tar -xzf .venv-gguf/llama_cpp_python-0.3.36.tar.gz -C .venv-gguf --strip-components 1
    .venv-gguf/bin/python data/reference/gguf.py FOLDER "At the end of the" [NEW_TOKENS]

`LLAMA_CPP_SOURCE` names the unpacked archive where it lies elsewhere.
"""

import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import llama_cpp


def convert(folder, gguf):
    """Runs the archive's converter on the folder."""
    source = Path(os.environ.get("LLAMA_CPP_SOURCE", Path(sys.prefix)))
    converter = source / "vendor" / "llama.cpp" / "convert_hf_to_gguf.py"
    run = subprocess.run(
        [sys.executable, converter, folder, "--outtype", "f32", "--outfile", gguf], stderr=subprocess.PIPE, text=True
    )
    if run.returncode != 0:
        sys.exit(f"the converter refuses {folder}:\n{run.stderr}")


if __name__ == "__main__":
    folder, text = sys.argv[1:3]
    new_tokens = int(sys.argv[3]) if len(sys.argv) > 3 else 12
    with tempfile.TemporaryDirectory() as temporary:
        gguf = str(Path(temporary) / "model.gguf")
        convert(folder, gguf)
        model = llama_cpp.Llama(gguf, n_ctx=0, n_threads=1, n_threads_batch=1, logits_all=True, verbose=False)
        ids = model.tokenize(text.encode(), add_bos=False, special=False)
        written = list(ids)
        model.eval(ids)
        logits = model.scores[len(ids) - 1].tolist()
        for _ in range(new_tokens):
            written.append(int(model.scores[len(written) - 1].argmax()))
            if written[-1] == model.token_eos():
                break
            model.eval(written[-1:])
    versions = {"llama-cpp-python": llama_cpp.__version__}
    versions |= {name: version(name) for name in ["torch", "transformers", "numpy"]}
    print(json.dumps({"versions": versions, "ids": ids, "logits": logits, "greedy": written}))
