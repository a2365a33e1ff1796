"""nanoGPT's recipe for a CPU on tiny Shakespeare, by characters, for as many steps as fill a given time.

    python data/bench/shakespeare.py --data FILE --seconds 300 --threads 2

4 blocks, 4 heads, 128 channels, 64 characters, batches of 12, no dropout, AdamW with rates from 1e-3 to 1e-4 over a
cosine, as the readme of karpathy/nanoGPT gives it (2,000 steps, 1.88 nats a character). What it prints can be held
against a run of `train --model shakespeare` that took as long: bits for each byte of the last tenth of the text.
"""

import math
import time

import contender  # noqa: F401  its folder is where gpt2 lies
import argparse

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--seconds", type=float, required=True)
parser.add_argument("--threads", type=int, default=2)
given = parser.parse_args()
torch.set_num_threads(given.threads)
torch.manual_seed(1337)

import gpt2  # noqa: E402

CONTEXT, BATCH, WARMUP, HIGHEST, LOWEST = 64, 12, 100, 1e-3, 1e-4
text = open(given.data, encoding="utf-8").read()
characters = sorted(set(text))
ids = torch.tensor([characters.index(character) for character in text])
learned, kept = ids[: int(0.9 * len(ids))], ids[int(0.9 * len(ids)) :]

model = gpt2.Gpt2({"vocab_size": len(characters), "n_positions": CONTEXT, "n_embd": 128, "n_head": 4, "n_layer": 4})
for name, parameter in model.named_parameters():
    if parameter.dim() == 2:
        residual = name.endswith(("out.weight", "down.weight"))
        torch.nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * 4) if residual else 0.02)
    elif name.endswith("bias"):
        torch.nn.init.zeros_(parameter)
decayed = [parameter for parameter in model.parameters() if parameter.dim() == 2]
others = [parameter for parameter in model.parameters() if parameter.dim() != 2]
groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, lr=HIGHEST, betas=(0.9, 0.99), fused=True)


def step(rate):
    starts = torch.randint(len(learned) - CONTEXT, (BATCH,)).tolist()
    inputs = torch.stack([learned[start : start + CONTEXT] for start in starts])
    targets = torch.stack([learned[start + 1 : start + CONTEXT + 1] for start in starts])
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = model(inputs, targets)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def measured():
    """The mean loss of all characters that were kept back, in windows side by side."""
    with torch.no_grad():
        rows = (len(kept) - 1) // CONTEXT
        inputs = kept[: rows * CONTEXT].view(rows, CONTEXT)
        targets = kept[1 : rows * CONTEXT + 1].view(rows, CONTEXT)
        return sum(model(a, b).item() * len(a) for a, b in zip(inputs.split(64), targets.split(64))) / rows


for _ in range(20):  # whose time is not that of the others
    step(1e-5)
began = time.perf_counter()
for _ in range(100):
    step(1e-5)
steps = round(100 * given.seconds / (time.perf_counter() - began))

began = time.perf_counter()
for i in range(steps):
    rising = (i + 1) / (WARMUP + 1)
    falling = LOWEST + (HIGHEST - LOWEST) * 0.5 * (1 + math.cos(math.pi * (i - WARMUP) / max(1, steps - WARMUP)))
    step(HIGHEST * rising if i < WARMUP else falling)
seconds = time.perf_counter() - began
loss = measured()
bits = loss / math.log(2) * len(kept) / len("".join(characters[i] for i in kept).encode())
print(f"{steps} steps in {seconds:.0f} s: {loss:.3f} nats a character, {bits:.3f} bits a byte")
