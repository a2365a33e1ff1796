"""Dropout on a square of ones, then on the masked attention weights of causal_mask."""

import math

import torch
from common import begin, show

begin("dropout")

ones = torch.ones(5, 5)
dropout = torch.nn.Dropout(0.2)
torch.manual_seed(123)
dropped = dropout(ones)
print("ones after dropout 0.2")
print(show(dropped))
print(f"zeros {(dropped == 0).sum().item()} of {dropped.numel()}")
print(f"mean {dropped.mean().item():.4f}")

torch.manual_seed(123)
x = torch.nn.Embedding(5, 4).weight.detach()
torch.manual_seed(123)
w_q, w_k = torch.rand(4, 4), torch.rand(4, 4)
scores = (x @ w_q) @ (x @ w_k).T / math.sqrt(4)
weights = scores.masked_fill(torch.ones(5, 5).triu(1).bool(), -math.inf).softmax(-1)
print("masked weights")
print(show(weights))
torch.manual_seed(123)
dropped = dropout(weights)
print("masked weights after dropout 0.2")
print(show(dropped))
print("sum of each row")
print(show(dropped.sum(-1)))
dropout.eval()
print(f"outside training the weights are untouched: {str(torch.equal(dropout(weights), weights)).lower()}")
