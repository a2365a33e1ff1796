"""Self-attention whose three projections are trainable layers; no mask yet."""

import math

import torch
from common import begin, show

begin("self_attention")

torch.manual_seed(123)
x = torch.nn.Embedding(5, 4).weight.detach()
torch.manual_seed(123)
query, key, value = (torch.nn.Linear(4, 4, bias=False) for _ in range(3))

with torch.no_grad():
    print("weight of W_Q, between -0.5 and 0.5")
    print(show(query.weight))
    q, k, v = query(x), key(x), value(x)
    weights = torch.softmax(q @ k.T / math.sqrt(4), dim=-1)
    print("weights")
    print(show(weights))
    print("output")
    print(show(weights @ v))
