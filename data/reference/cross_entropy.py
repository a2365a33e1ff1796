"""Probability of each target under the untrained 124M model, its logarithm, their mean."""

import math

import torch
from common import begin, chapter_text, gpt2_encoder, show
from gpt2 import ARTICLE, Gpt2

file, text = chapter_text(4)
begin("cross_entropy")
print("text", file)
ids = gpt2_encoder().encode_ordinary(text)[:6]
inputs = torch.tensor([ids[0:4], ids[1:5]])
targets = torch.tensor([ids[1:5], ids[2:6]])

torch.manual_seed(123)
model = Gpt2(ARTICLE).eval()
with torch.no_grad():
    logits = model(inputs)
probabilities = logits.softmax(-1)
of_targets = torch.stack([probabilities[row, range(4), targets[row]] for row in range(2)])
print("targets")
print(show(targets))
print("probability of each target")
print(show(of_targets))
print("minus its logarithm")
print(show(-of_targets.log()))
print(f"their mean {-of_targets.log().mean():.4f}")

flat, flat_targets = logits.flatten(0, 1), targets.flatten()
print("logits, shape", *logits.shape, end=", ")
print("flattened to", *flat.shape, end="; ")
print("targets to", *flat_targets.shape)
loss = torch.nn.functional.cross_entropy(flat, flat_targets).item()
print(f"loss by cross_entropy {loss:.4f}")
print(f"perplexity {math.exp(loss):.1f}")
print(f"loss if all {flat.shape[1]} entries were alike {math.log(flat.shape[1]):.4f}")
