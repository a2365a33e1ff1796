"""Draws among the three most probable of eight words, and the nucleus of 90 percent."""

import torch
from common import begin, show
from toy import WORDS, logits, print_draws

begin("top_k")
scores = logits()
print("words", *WORDS)
print("logits")
print(show(scores))
highest, places = torch.topk(scores, 3)
print("the three highest")
print(show(highest))
print("their places")
print(show(places))
kept = torch.where(scores < highest[-1], torch.tensor(float("-inf")), scores)
print("logits kept")
print(show(kept))
probabilities = kept.softmax(-1)
print("probabilities")
print(show(probabilities))
print_draws(probabilities)

print("the fewest words that reach a probability of 0.90 together")
nucleus, reached = torch.zeros(len(WORDS)), 0.0
for place in scores.argsort(descending=True).tolist():
    if reached < 0.9:
        nucleus[place] = scores.softmax(-1)[place]
        reached += nucleus[place].item()
print(show(nucleus / nucleus.sum()))
