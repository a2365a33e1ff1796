"""Writes a GPT-2 of the wanted size with random weights, which every contender of `cargo xtask bench` reads.

`python data/bench/write_model.py gpt2 FOLDER`; the sizes are those of OpenAI's models.
"""

import sys
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel

SIZES = {"gpt2": (768, 12, 12), "gpt2-medium": (1024, 24, 16)}

name, folder = sys.argv[1], Path(sys.argv[2])
channels, layers, heads = SIZES[name]
rates = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
torch.manual_seed(123)
model = GPT2LMHeadModel(GPT2Config(n_embd=channels, n_layer=layers, n_head=heads, **rates))
# The name that says "this is whole" is given last.
unfinished = folder.with_name(folder.name + ".part")
model.save_pretrained(unfinished)
unfinished.rename(folder)
