"""Two causal heads of width 3 on the same input, their outputs side by side."""

import math

import torch
from common import begin, show

begin("heads_side_by_side")

torch.manual_seed(123)
x = torch.randn(2, 5, 6)
heads = [[torch.nn.Linear(6, 3, bias=False) for _ in "qkv"] for _ in range(2)]


def read(head, divisor):
    q, k, v = (layer(x) for layer in head)
    hidden = torch.ones(5, 5).triu(1).bool()
    return ((q @ k.mT) / divisor).masked_fill(hidden, -math.inf).softmax(-1) @ v


with torch.no_grad():
    for number, head in enumerate(heads):
        output = read(head, math.sqrt(3))
        print(f"head {number} shape", *output.shape)
        print(show(output))
    side_by_side = torch.cat([read(head, math.sqrt(3)) for head in heads], dim=-1)
    print("side by side, scores divided by the root of 3, the width of a head; shape", *side_by_side.shape)
    print(show(side_by_side))
    side_by_side = torch.cat([read(head, math.sqrt(6)) for head in heads], dim=-1)
    print("side by side, scores divided by the root of 6, the width of all heads; shape", *side_by_side.shape)
    print(show(side_by_side))
