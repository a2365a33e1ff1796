"""Scaled dot-product attention step by step, on five random vectors and three random matrices."""

import math

import torch
from common import begin, show

begin("scaled_dot_product")

torch.manual_seed(123)
x = torch.nn.Embedding(5, 4).weight.detach()
torch.manual_seed(123)
w_q, w_k, w_v = torch.rand(4, 4), torch.rand(4, 4), torch.rand(4, 4)

print("X: five positions of four channels")
print(show(x))
print("W_Q")
print(show(w_q))
q, k, v = x @ w_q, x @ w_k, x @ w_v
print("queries Q = X W_Q")
print(show(q))
print("keys K = X W_K")
print(show(k))
print("values V = X W_V")
print(show(v))
scores = q @ k.T
print("scores Q K^T")
print(show(scores))
scaled = scores / math.sqrt(4)
print("scores divided by the root of 4 channels")
print(show(scaled))
weights = torch.softmax(scaled, dim=-1)
print("weights: softmax of each row")
print(show(weights))
print("sum of each row")
print(show(weights.sum(dim=-1)))
print("output: weights times V")
print(show(weights @ v))

print("softmax of the pair x and 0")
for number in [-5.0, -2.0, -1.0, 0.0, 1.0, 2.0, 5.0]:
    first, second = torch.softmax(torch.tensor([number, 0.0]), dim=0).tolist()
    print(f"x {number:.1f} weights {first:.4f} {second:.4f}")

print("largest weight for 4 random scores, mean of 1000 rows, then the same scores times 8")
torch.manual_seed(123)
random_scores = torch.randn(1000, 4)
for factor in [1.0, 8.0]:
    largest = torch.softmax(random_scores * factor, dim=-1).amax(dim=-1).mean().item()
    print(f"factor {factor:.1f} largest weight {largest:.4f}")
