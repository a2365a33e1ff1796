"""llama.cpp's own benchmark tool, one process for each repetition; it warms up by itself before it measures.

`--llama FOLDER` is where `build_llama_cpp.py` put the program and the models.
"""

import json
import resource
import subprocess

import contender

given = contender.options()
program = given.llama / "build/bin/llama-bench"
model = given.llama / f"{given.dtype}.gguf"
if not (program.is_file() and model.is_file()):
    contender.absent("llama.cpp is not built; cargo xtask bench --with-llama-cpp builds it")

# The prompt of decode is outside the clock. Token by token it avoids the kernels for many tokens, which crash in Q8_0 where some
# compilers built them.
one_by_one = ["-b", 1, "-ub", 1]
work = {
    "prefill": ["-p", given.prompt, "-n", 0],
    "decode": ["-p", 0, "-n", given.new, "-d", given.prompt, *one_by_one],
}[given.group]
command = [program, "-m", model, *work, "-t", given.threads, "-r", 1, "-o", "json"]


def repetition():
    finished = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-500:]
    result = json.loads(finished.stdout)[0]
    return {"seconds": result["avg_ns"] / 1e9, "tokens": result["n_prompt"] or result["n_gen"]}


def peak():
    return 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


label = {"f32": "F32", "bf16": "BF16", "int8": "Q8_0"}[given.dtype]
versions = {"llama-cpp-python": (given.llama / "version").read_text().strip()}
contender.serve(f"llama.cpp {label}", versions, repetition, peak)
