"""What the cache saves, counted: the same tokens, with the whole text read for each of them."""

import torch
from common import begin, gpt2_encoder
from gpt2 import ARTICLE, Gpt2, greedy

begin("cached_writing")

encoder = gpt2_encoder()
prompt = encoder.encode("Once upon a time there")
torch.manual_seed(123)
model = Gpt2(ARTICLE.but(context=32, channels=64, layers=2, heads=2)).eval()
ids = greedy(model, prompt, 20)
print("ids that follow", *ids[len(prompt) :])
print("positions read without a cache", sum(range(len(prompt), len(ids))))
# With a cache: the prompt once, then each token but the last, which nothing follows.
print("positions read with a cache", len(ids) - 1)
print("positions in the cache after 1, 2 and 3 passes", *range(len(prompt), len(prompt) + 3))
