"""PyTorch's SGD at two rates beside its AdamW, each from the same beginning on the same batches."""

import torch
from common import ROOT, begin
from gpt2 import ARTICLE, Gpt2
from torch.nn.functional import cross_entropy
from torch.optim import SGD, AdamW

CONFIG = ARTICLE.but(vocab_size=256, context=64, channels=64, heads=2, layers=2, dropout=0.0)
BATCH_SIZE, SHOWN = 8, (1, 10, 30, 90)

# A hundredth of a percent may be lost on another processor.
begin("sgd_and_adam", rtol=1e-3)
ids = list((ROOT / "data" / "story.txt").read_bytes())
starts = range(0, len(ids) - CONFIG.context, CONFIG.context)
rows = [ids[i : i + CONFIG.context + 1] for i in starts]
whole = range(0, len(rows) - BATCH_SIZE + 1, BATCH_SIZE)
batches = [torch.tensor(rows[i : i + BATCH_SIZE]) for i in whole]


def losses(make_optimizer):
    torch.manual_seed(123)
    model = Gpt2(CONFIG)
    optimizer = make_optimizer(model.parameters())
    shown = []
    for number in range(1, SHOWN[-1] + 1):
        batch = batches[(number - 1) % len(batches)]
        optimizer.zero_grad()
        loss = cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        if number in SHOWN:
            shown.append(f"{loss.item():.4f}")
    return " ".join(shown)


print("loss in steps 1, 10, 30 and 90")
print("AdamW at 0.003:", losses(lambda parameters: AdamW(parameters, lr=0.003, weight_decay=0.1)))
for rate in (0.003, 0.1):
    print(f"SGD at {rate}:", losses(lambda parameters: SGD(parameters, lr=rate)))
