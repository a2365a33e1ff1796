"""A table with a vector for each token, and the look-up as a product of matrices."""

import torch
from common import begin, show

begin("token_embedding")
ids = torch.tensor([2, 3, 5])

torch.manual_seed(123)
small = torch.nn.Embedding(10, 4)
print("a table of 10 tokens with 4 channels each")
print(show(small.weight))
print("rows 2, 3, 5")
print(show(small(ids)))
one_hot = torch.nn.functional.one_hot(ids, 10).float()
print("their one-hot vectors")
print(show(one_hot))
print("one-hot vectors times the table")
print(show(one_hot @ small.weight))
assert torch.equal(one_hot @ small.weight, small(ids))
print("equal bit for bit to the rows looked up")

torch.manual_seed(123)
large = torch.nn.Embedding(50257, 768)
print("rows 2, 3, 5 of a table of 50257 tokens with 768 channels, shape", list(large(ids).shape))
print(show(large(ids)))
