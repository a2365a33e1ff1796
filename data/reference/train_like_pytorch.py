"""Ten steps of PyTorch's own AdamW on a small GPT-2."""

import torch
from common import ROOT, begin, gpt2_encoder
from gpt2 import ARTICLE, Gpt2
from torch.nn.functional import cross_entropy

# Two processors sum in two orders; ten steps widen that to some millionths.
begin("train_like_pytorch", rtol=1e-5)
print("text data/prose.txt")
ids = gpt2_encoder().encode_ordinary((ROOT / "data" / "prose.txt").read_text(encoding="utf-8"))

torch.manual_seed(123)
model = Gpt2(ARTICLE.but(context=32, channels=64, heads=2, layers=2, dropout=0.0))
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-4, weight_decay=0.1)
print("parameters", sum(parameter.numel() for parameter in model.parameters()))
for step in range(10):
    starts = [(4 * step + row) * 32 for row in range(4)]
    inputs = torch.tensor([ids[i : i + 32] for i in starts])
    targets = torch.tensor([ids[i + 1 : i + 33] for i in starts])
    optimizer.zero_grad()
    loss = cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
    loss.backward()
    optimizer.step()
    print(f"step {step + 1} loss {loss.item():.6f}")
