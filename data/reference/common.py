"""What the reference scripts share: the text of a chapter, tensors as words, GPT-2's tokenizer.

Run a script from the project's root, as `python data/reference/causal_mask.py`; it prints the reference output of the demo
of the same name. Where the demo reads "the text", `--text public` takes the article's own, which `cargo xtask fetch` brings,
and `--text embedded`, the default, the one that belongs to this project.
"""

import argparse
import base64
import hashlib
import json
import subprocess
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Chapter -> the article's text, the embedded one.
TEXTS = {
    1: ("data/public/peter-rabbit.txt", "data/story.txt"),
    4: ("data/public/world-war-i.txt", "data/prose.txt"),
}


def begin(demo, program="PyTorch", rtol=None, atol=None):
    """Prints the first lines of a reference output: which program made it, by which script, and how close is close.

    PyTorch then works on one thread, as the demos do.
    """
    # What these scripts ask of Python alone is the same in every 3.x.
    release = "3" if program == "Python" else version("torch" if program == "PyTorch" else program).split("+")[0]
    print(f"# from {program} {release}: data/reference/{demo}.py")
    if rtol is not None or atol is not None:
        print(f"# rtol {1e-4 if rtol is None else rtol:.10f} atol {1e-7 if atol is None else atol:.10f}")
    if program == "PyTorch":
        import torch

        torch.set_num_threads(1)


def chapter_text(chapter):
    """The file and the content of a chapter's text, as `--text` chooses."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--text", choices=["embedded", "public"], default="embedded")
    public, embedded = TEXTS[chapter]
    file = public if parser.parse_args().text == "public" else embedded
    return file, (ROOT / file).read_bytes().decode("utf-8")


def show(tensor):
    """A tensor as lines of numbers: a row a line, an empty line between matrices, each number a word.

    PyTorch's own printer chooses the digits; of more than 1,000 values it shows the edges, with `...` between.
    """
    import torch

    torch.set_printoptions(precision=4, threshold=1000, edgeitems=3, linewidth=1_000_000, sci_mode=None)
    printed = str(tensor.detach())
    printed = printed.removeprefix("tensor(").split(", dtype=")[0].split(", grad_fn=")[0].removesuffix(")")
    lines = []
    for line in printed.splitlines():
        words = line.replace("[", " ").replace("]", " ").replace(",", " ").split()
        if words or (lines and lines[-1]):
            lines.append(" ".join(words))
    return "\n".join(lines)


def gpt2_encoder():
    """GPT-2's tokenizer: the tiktoken of Python with the ranks that the Rust package of the same name carries.

    Python's package would load them from the network. Cargo has them on disk already.
    """
    import tiktoken

    def ask(*command):
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    # For this machine alone: cargo has not fetched what only others need.
    host = next(line.removeprefix("host: ") for line in ask("rustc", "-vV").splitlines() if line.startswith("host: "))
    metadata = ask("cargo", "metadata", "--format-version", "1", "--offline", "--filter-platform", host)
    packages = json.loads(metadata)["packages"]
    manifest = next(package["manifest_path"] for package in packages if package["name"] == "tiktoken-rs")
    lines = (Path(manifest).parent / "assets" / "r50k_base.tiktoken").read_bytes()
    official = "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"
    if hashlib.sha256(lines).hexdigest() != official:
        raise SystemExit("the ranks that tiktoken-rs carries are not the published ones")
    ranks = {base64.b64decode(piece): int(rank) for piece, rank in (line.split() for line in lines.splitlines())}
    pattern = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
    return tiktoken.Encoding(
        "gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256}
    )
