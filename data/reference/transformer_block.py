"""One block of the 124M model in eval mode."""

import torch
from common import begin, show
from gpt2 import ARTICLE, Block

begin("transformer_block")

torch.manual_seed(123)
x = torch.rand(2, 4, 768)
block = Block(ARTICLE).eval()
with torch.no_grad():
    out = block(x)
print("shape of the input", *x.shape)
print(show(x))
print("shape of the output", *out.shape)
print(show(out))
print("what the block added")
print(show(out - x))
