"""The model on paper, part 2: each word reads the words before it, with two heads."""

import math

import torch
from common import begin, show
from paper import D, H, KEY, QUERY, VALUE, T, attention, attention_weights, embed, heads

begin("attention_on_paper")
x = embed()
q, k, v = (heads(x, weight) for weight in (QUERY, KEY, VALUE))
scores = q @ k.mT / math.sqrt(D)
for head in range(H):
    print("head", head)
    for name, rows in (("queries", q), ("keys", k), ("values", v)):
        print(name)
        print(show(rows[head]))
    print("scores")
    print(show(scores[head]))
    print("scores that may be read")
    print(show(scores[head].masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf)))
    print("weights")
    print(show(attention_weights(x)[head]))
    print("mixed values")
    print(show((attention_weights(x) @ v)[head]))
print("both heads side by side")
print(show(torch.cat(list(attention_weights(x) @ v), dim=-1)))
print("after the output projection")
print(show(attention(x)))
