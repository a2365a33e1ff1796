"""Self-attention whose three projections are trainable layers; no mask yet; then one set by hand."""

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

    words = "the rabbit slept because it was tired".split()
    kind = {"rabbit": 0, "it": 1, "tired": 2}
    print("a sentence:", *words)
    x = torch.zeros(7, 4)
    for position, word in enumerate(words):
        x[position, kind.get(word, 3)] = 1.0
    print("X: animal, pronoun, property, other")
    print(show(x))
    # Pronoun and property ask for an animal, by 8 in the first channel; keys and values are the words themselves.
    q = torch.zeros(7, 4)
    q[:, 0] = 8.0 * (x[:, 1] + x[:, 2])
    weights = torch.softmax(q @ x.T / math.sqrt(4), dim=-1)
    print("weights")
    print(show(weights))
    print("output of the word it")
    print(show((weights @ x)[words.index("it")]))
