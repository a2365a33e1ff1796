"""The probabilities of eight words, and 100 draws among them, at three temperatures."""

import torch
from common import begin, show
from toy import WORDS, logits

begin("temperature")
scores = logits()
print("words", *WORDS)
print("logits")
print(show(scores))
for temperature in (1.0, 0.3, 1.5):
    probabilities = torch.softmax(scores / temperature, dim=-1)
    print(f"temperature {temperature}")
    print(show(probabilities))
    torch.manual_seed(123)
    draws = [int(torch.multinomial(probabilities, num_samples=1)) for _ in range(100)]
    print("100 draws", *(draws.count(place) for place in range(len(WORDS))))
