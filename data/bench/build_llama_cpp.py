"""Builds llama.cpp's benchmark tool from the source archive of llama-cpp-python and converts a model for it.

`python data/bench/build_llama_cpp.py FOLDER MODEL`: MODEL is a folder in the public format with a tokenizer, such as
`finetune export` writes. Takes a C++ compiler and some minutes; what is already there is kept.
"""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

VERSION = "0.3.36"
folder, model = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
source, build = folder / "source", folder / "build"


def run(*command, **environment):
    print("$", *command, file=sys.stderr)
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr, env=os.environ | environment)


folder.mkdir(parents=True, exist_ok=True)
if not source.exists():
    archive = f"llama_cpp_python-{VERSION}.tar.gz"
    options = ["--no-deps", "--no-binary", "llama-cpp-python", "--dest", folder]
    run(sys.executable, "-m", "pip", "download", "--disable-pip-version-check", *options, f"llama-cpp-python=={VERSION}")
    with tarfile.open(folder / archive) as files:
        files.extractall(folder, filter="data")
    (folder / archive.removesuffix(".tar.gz") / "vendor/llama.cpp").rename(source)
if not (build / "bin/llama-bench").exists():
    run(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "cmake", "ninja")
    tools = Path(sys.executable).parent
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    off = ["-DLLAMA_CURL=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_SERVER=OFF"]
    kind = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DCMAKE_C_FLAGS=-w", "-DCMAKE_CXX_FLAGS=-w"]
    run(tools / "cmake", "-S", source, "-B", build, *kind, *off, PATH=path)
    run(tools / "cmake", "--build", build, "--target", "llama-bench", PATH=path)
for name, kind in [("f32", "f32"), ("bf16", "bf16"), ("int8", "q8_0")]:
    written = folder / f"{name}.gguf"
    if not written.exists():
        convert = source / "convert_hf_to_gguf.py"
        unfinished = folder / f"{name}.part"
        run(sys.executable, convert, model, "--outtype", kind, "--outfile", unfinished, PYTHONPATH=str(source / "gguf-py"))
        unfinished.rename(written)
(folder / "version").write_text(VERSION + "\n")
