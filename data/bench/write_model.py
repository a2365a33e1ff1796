"""Writes a GPT-2 of the wanted size with random weights, which every contender of `cargo xtask bench` reads.

`python data/bench/write_model.py gpt2 FOLDER`; the sizes are those of OpenAI's models, `tales` is what `train` and `finetune` make
on the spot, and `nanogpt` what the readme of karpathy/nanoGPT gives for a CPU.
"""

import sys
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel

SIZES = {
    "gpt2": (768, 12, 12, 50257, 1024),
    "gpt2-medium": (1024, 24, 16, 50257, 1024),
    "tales": (128, 4, 4, 2048, 128),
    "nanogpt": (128, 4, 4, 65, 64),
}

name, folder = sys.argv[1], Path(sys.argv[2])
channels, layers, heads, vocabulary, context = SIZES[name]
rates = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
torch.manual_seed(123)
sizes = {"n_embd": channels, "n_layer": layers, "n_head": heads, "vocab_size": vocabulary, "n_positions": context}
model = GPT2LMHeadModel(GPT2Config(**sizes, **rates))
# The name that says "this is whole" is given last.
unfinished = folder.with_name(folder.name + ".part")
model.save_pretrained(unfinished)
unfinished.rename(folder)
