"""Batches of windows: what is read, and the same one token later."""

import torch
from common import begin, chapter_text, gpt2_encoder, show
from torch.utils.data import DataLoader

begin("sliding_window")
file, text = chapter_text(1)
ids = gpt2_encoder().encode_ordinary(text)

print("text", file)
for context in [5, 1024]:
    windows = [
        (torch.tensor(ids[start : start + context]), torch.tensor(ids[start + 1 : start + 1 + context]))
        for start in range(0, len(ids) - context, 2)
    ]
    loader = DataLoader(windows, batch_size=3, shuffle=False, drop_last=True)
    print(f"context {context}, stride 2: {len(windows)} windows, {len(loader)} batches of 3")
    inputs, targets = next(iter(loader))
    print("inputs, shape", list(inputs.shape))
    print(show(inputs))
    print("targets, shape", list(targets.shape))
    print(show(targets))
