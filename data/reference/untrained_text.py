"""The 124M model without training: logits and six greedy tokens."""

import torch
from common import begin, gpt2_encoder, show
from gpt2 import ARTICLE, Gpt2, greedy

# Twelve blocks in 32-bit floats: two ways of summing differ by a few 1e-6.
begin("untrained_text", atol=1e-5)

encoder = gpt2_encoder()
texts = [encoder.encode(text) for text in ("Once upon a time there", "were four little Rabbits")]

torch.manual_seed(123)
model = Gpt2(ARTICLE).eval()
with torch.no_grad():
    logits = model(torch.tensor(texts))
print("logits with dropout off, shape", *logits.shape)
print(show(logits))

ids = greedy(model, texts[0], 6)
prompt = len(texts[0])
print("ids of the prompt", *ids[:prompt])
print("ids that follow", *ids[prompt:])
print("text")
print(encoder.decode(ids))
