"""Ten steps in one go, and five, a saved file, and five more in new objects: with warm-up, clipping and dropout.

The trainer of these chapters seeds PyTorch's generator anew before each pass over the data and before each step, from the
seed of the run and the number of the pass or step, so that nothing but numbers need be saved. So does this script.
"""

import math
import tempfile

import torch
from common import ROOT, begin, gpt2_encoder
from gpt2 import ARTICLE, Gpt2
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

CONFIG = ARTICLE.but(context=32, channels=64, heads=2, layers=2)
SEED, ORDER, STEP = 123, 1, 2
PEAK, FLOOR, WARMUP, STEPS = 1e-3, 1e-4, 2, 10
U64 = (1 << 64) - 1


def derived_seed(purpose, number):
    """The mixing function of SplitMix64 over the seed, what it is for, and a number; 32 bits of it."""
    bits = ((SEED << 32) ^ (purpose << 60) ^ number) + 0x9E3779B97F4A7C15 & U64
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & U64
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & U64
    return (bits ^ bits >> 31) & 0xFFFFFFFF


def rate(step):
    if step < WARMUP:
        return PEAK * (step + 1) / WARMUP
    return FLOOR + (PEAK - FLOOR) * (1.0 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP))) / 2


ids = gpt2_encoder().encode_ordinary((ROOT / "data" / "prose.txt").read_text(encoding="utf-8"))


def new():
    torch.manual_seed(123)
    model = Gpt2(CONFIG)
    return model, torch.optim.AdamW(model.parameters(), weight_decay=0.1)


def train(model, optimizer, steps):
    torch.manual_seed(derived_seed(ORDER, 0))
    windows = range((len(ids) - CONFIG.context - 1) // CONFIG.context + 1)
    order = list(DataLoader(windows, batch_size=4, shuffle=True, drop_last=True))
    for step in steps:
        starts = (order[step] * CONFIG.context).tolist()
        inputs = torch.tensor([ids[i : i + CONFIG.context] for i in starts])
        targets = torch.tensor([ids[i + 1 : i + CONFIG.context + 1] for i in starts])
        torch.manual_seed(derived_seed(STEP, step))
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.param_groups[0]["lr"] = rate(step)
        optimizer.step()
        print(f"step {step + 1} loss {loss.item():.4f}")
        yield loss.item()


def tensors(model, optimizer):
    parameters = list(model.parameters())
    moments = [optimizer.state[p][name] for p in parameters for name in ("exp_avg", "exp_avg_sq")]
    return [tensor.detach() for tensor in parameters + moments]


begin("save_and_load", rtol=1e-5)
print("text data/prose.txt")
print("ten steps in one go")
model, optimizer = new()
in_one_go = list(train(model, optimizer, range(10)))
whole = tensors(model, optimizer)

print("five steps, then saved")
model, optimizer = new()
in_two = list(train(model, optimizer, range(5)))
with tempfile.TemporaryFile() as file:
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file)
model, optimizer = new()
model.load_state_dict(saved["model"])
optimizer.load_state_dict(saved["optimizer"])
print("loaded by another process, five more")
in_two += train(model, optimizer, range(5, 10))
print("losses that are equal:", sum(a == b for a, b in zip(in_one_go, in_two)), "of", len(in_one_go))
same = sum(torch.equal(a, b) for a, b in zip(whole, tensors(model, optimizer)))
print("weights and moments at the end that are equal bit for bit:", same, "of", len(whole))
