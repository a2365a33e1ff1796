"""A vocabulary of eight words and their scores: what decoding.py, top_k.py and temperature.py share."""

import torch

WORDS = "war battle revolution novel experiment day journey movement".split()


def logits():
    torch.manual_seed(123)
    return torch.normal(0.0, 4.0, size=(len(WORDS),))


def print_draws(probabilities):
    """How often each word comes in 100 draws, seeded anew."""
    torch.manual_seed(123)
    draws = [int(torch.multinomial(probabilities, num_samples=1)) for _ in range(100)]
    print("100 draws, one at a time")
    for place, word in enumerate(WORDS):
        print(word, draws.count(place))
