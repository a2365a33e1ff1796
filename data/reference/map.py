"""How many numbers each part of GPT-2 small holds: its modules, built without memory, and counted."""

import torch
from common import begin
from torch import nn

V, CONTEXT, C, F, L = 50257, 1024, 768, 3072, 12

begin("map")
with torch.device("meta"):
    parts = [
        ("token table", 1, nn.Embedding(V, C)),
        ("position table", 1, nn.Embedding(CONTEXT, C)),
        ("attention", L, nn.MultiheadAttention(C, 12)),
        ("feed-forward", L, nn.Sequential(nn.Linear(C, F), nn.GELU(), nn.Linear(F, C))),
        ("norms of a block", L, nn.ModuleList([nn.LayerNorm(C), nn.LayerNorm(C)])),
        ("final norm", 1, nn.LayerNorm(C)),
    ]
together = 0
for name, times, part in parts:
    numbers = sum(parameter.numel() for parameter in part.parameters())
    print(f"{name}: {times} times {numbers}")
    together += times * numbers
print("together", together)
