"""The gradient of a small GPT-2, and what a nudge of a single weight does to its loss."""

import torch
from common import ROOT, begin, gpt2_encoder
from gpt2 import ARTICLE, Gpt2
from torch.nn.functional import cross_entropy

# A difference of losses is divided by a thousandth: what two processors round otherwise grows by that.
begin("nudge", atol=1e-6)
print("text data/prose.txt")
ids = gpt2_encoder().encode_ordinary((ROOT / "data" / "prose.txt").read_text(encoding="utf-8"))
inputs = torch.tensor([ids[i : i + 32] for i in range(0, 128, 32)])
targets = torch.tensor([ids[i + 1 : i + 33] for i in range(0, 128, 32)])

torch.manual_seed(123)
model = Gpt2(ARTICLE.but(context=32, channels=64, heads=2, layers=2, dropout=0.0)).double()


def loss():
    return cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


def slope_by_nudging(parameter, place, by):
    with torch.no_grad():
        before, kept = loss().item(), parameter[place].item()
        parameter[place] += by
        after = loss().item()
        parameter[place] = kept
        return (after - before) / by


loss().backward()
print("weights", sum(parameter.numel() for parameter in model.parameters()), f"loss {loss().item():.6f}")
nudged = [
    ("head.weight", model.head.weight, (290, 55)),
    ("norm.weight", model.norm.weight, (8,)),
    ("blocks.0.attention.query.weight", model.blocks[0].attention.query.weight, (48, 13)),
    ("token.weight", model.token.weight, (11, 45)),
    ("token.weight", model.token.weight, (5, 0)),
]
print("nudged by 0.001: change per unit, gradient")
for name, parameter, place in nudged:
    slope = slope_by_nudging(parameter, place, 0.001)
    print(name, list(place), f"{slope:.6f} {parameter.grad[place].item():.6f}")
print("the first of them nudged by 100, 10, 1, 0.1")
print(*(f"{slope_by_nudging(model.head.weight, (290, 55), by):.6f}" for by in (100.0, 10.0, 1.0, 0.1)))
