"""A table with a vector for each position: learned, as in GPT-2, and sinusoidal, as in the first Transformer."""

import torch
from common import begin, show

begin("position_embedding")

torch.manual_seed(123)
small = torch.nn.Embedding(5, 4)
print("a table of 5 positions with 4 channels each")
print(show(small.weight))
print("its first rows, for an input of 3 tokens")
print(show(small(torch.arange(3))))

torch.manual_seed(123)
large = torch.nn.Embedding(1024, 768)
print("a table of 1024 positions with 768 channels, shape", list(large.weight.shape))
print(show(large.weight))


def sinusoidal(context, channels):
    positions = torch.arange(context, dtype=torch.float64).unsqueeze(1)
    angles = positions / 10_000 ** (torch.arange(0, channels, 2, dtype=torch.float64) / channels)
    table = torch.empty(context, channels, dtype=torch.float64)
    table[:, 0::2] = torch.sin(angles)
    table[:, 1::2] = torch.cos(angles)
    return table.float()


print("sinusoidal: 5 positions with 4 channels")
print(show(sinusoidal(5, 4)))
print("sinusoidal: 1024 positions with 768 channels")
print(show(sinusoidal(1024, 768)))
