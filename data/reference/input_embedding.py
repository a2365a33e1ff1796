"""What the first block of GPT-2 reads: for each token its vector plus the vector of its position."""

import torch
from common import begin, chapter_text, gpt2_encoder, show

begin("input_embedding")
file, text = chapter_text(1)


def table(rows, channels):
    torch.manual_seed(123)
    return torch.nn.Embedding(rows, channels)


print("text", file)
token, position = table(10, 4), table(5, 4)
ids = torch.tensor([2, 3, 5])
print("tokens 2, 3, 5")
print(show(token(ids)))
print("positions 0, 1, 2")
print(show(position(torch.arange(3))))
print("their sum")
print(show(token(ids) + position(torch.arange(3))))

token, position = table(50257, 768), table(1024, 768)
ids = gpt2_encoder().encode_ordinary(text)
inputs = torch.tensor([ids[start : start + 1024] for start in (0, 2, 4)])
embedded = token(inputs) + position(torch.arange(1024))
print("GPT-2's size:", list(inputs.shape), "->", list(embedded.shape))
print(show(embedded))
