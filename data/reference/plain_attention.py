"""Attention before queries, keys and values: every vector is compared with every other; two ways to hide the future."""

import torch
from common import begin, show

begin("plain_attention")

x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, 0.0]])
scores = x @ x.T
print("scores X X^T")
print(show(scores))
weights = torch.softmax(scores, dim=-1)
print("weights")
print(show(weights))
print("output: weights times X")
print(show(weights @ x))

large = torch.tensor([88.0, 89.0])
print("e to the power of 88 and of 89")
print(show(large.exp()))
print("weights by the formula that are not numbers")
print(int((large.exp() / large.exp().sum()).isnan().sum()))
print("softmax after the largest score is subtracted")
lowered = (large - large.max()).exp()
print(show(lowered / lowered.sum()))

visible = torch.tril(torch.ones(4, 4))
masked = weights * visible
print("weights times 1 or 0")
print(show(masked))
again = masked / masked.sum(dim=-1, keepdim=True)
print("each row divided by its sum")
print(show(again))
hidden = scores.masked_fill(visible == 0, float("-inf"))
same = bool((torch.softmax(hidden, dim=-1) - again).abs().max() < 1e-6)
print(f"minus infinity before softmax gives the same within 1e-6: {str(same).lower()}")
