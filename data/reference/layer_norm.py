"""Layer normalization by its formula and by PyTorch's function."""

import torch
from common import begin, show

begin("layer_norm")


def describe(x):
    for row, channels in enumerate(x):
        variance, mean = torch.var_mean(channels, correction=0)
        print(f"row {row} mean {round(mean.item(), 4) + 0.0:.4f} variance {round(variance.item(), 4) + 0.0:.4f}")


torch.manual_seed(123)
x = torch.randn(2, 5)
print("two positions of five channels")
print(show(x))
describe(x)

mean = x.mean(dim=-1, keepdim=True)
variance = x.var(dim=-1, keepdim=True, unbiased=False)
normalized = (x - mean) / torch.sqrt(variance + 1e-5)
print("normalised by hand")
print(show(normalized))
describe(normalized)

print("normalised by layer_norm")
print(show(torch.nn.LayerNorm(5, eps=1e-5)(x)))

print("scaled by 2 and shifted by 1")
print(show(normalized * 2 + 1))
describe(normalized * 2 + 1)
