"""The causal mask, and what it does to the scores of scaled_dot_product."""

import math

import torch
from common import begin, show

begin("causal_mask")

torch.manual_seed(123)
x = torch.nn.Embedding(5, 4).weight.detach()
torch.manual_seed(123)
w_q, w_k = torch.rand(4, 4), torch.rand(4, 4)
scores = (x @ w_q) @ (x @ w_k).T / math.sqrt(4)

print("who may be read: 1 yes, 0 no")
print(show(torch.tril(torch.ones(5, 5))))
print("what is added to the scores")
print(show(torch.triu(torch.full((5, 5), -math.inf), diagonal=1)))
print("scores before the mask")
print(show(scores))
print("weights before the mask")
print(show(torch.softmax(scores, dim=-1)))
future = torch.ones(5, 5).tril().logical_not()
masked = scores.masked_fill(future, -math.inf)
print("scores after the mask")
print(show(masked))
print("weights after the mask")
weights = torch.softmax(masked, dim=-1)
print(show(weights))
print("sum of each row")
print(show(weights.sum(dim=-1)))
