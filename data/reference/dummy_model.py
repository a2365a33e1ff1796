"""GPT-2 124M with its blocks and its final norm left out."""

import torch
from common import begin, gpt2_encoder, show
from gpt2 import ARTICLE

begin("dummy_model")

encoder = gpt2_encoder()
ids = torch.tensor([encoder.encode(text) for text in ("Once upon a time there", "were four little Rabbits")])
print("batch of token ids")
print(show(ids))

torch.manual_seed(123)
token = torch.nn.Embedding(ARTICLE.vocab_size, ARTICLE.channels)
position = torch.nn.Embedding(ARTICLE.context, ARTICLE.channels)
dropout = torch.nn.Dropout(ARTICLE.dropout)
head = torch.nn.Linear(ARTICLE.channels, ARTICLE.vocab_size, bias=False)

with torch.no_grad():
    embedded = token(ids) + position(torch.arange(ids.shape[1]))
    logits = head(dropout(embedded))
    print("logits with dropout on, shape", *logits.shape)
    print(show(logits))
    dropout.eval()
    print("logits with dropout off")
    print(show(head(dropout(embedded))))
