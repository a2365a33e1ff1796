"""GPT-2 in plain PyTorch as the articles build it, for the reference scripts of chapters 3 and 4.

Layers are constructed in the order of the articles, and PyTorch draws their parameters in the order of construction: token
table, position table, then for each block query, key, value, output, feed-forward up and down and its two norms, the final
norm, and a head where it is not tied.
"""

from dataclasses import dataclass, replace

import torch
from torch import nn


@dataclass(frozen=True)
class Config:
    vocab_size: int = 50257
    context: int = 1024
    channels: int = 768
    layers: int = 12
    heads: int = 12
    dropout: float = 0.1
    qkv_bias: bool = False
    tied: bool = False
    gelu: str = "exact"  # or "tanh"

    def but(self, **changes):
        return replace(self, **changes)


# The 124M model of chapters 3 and 4.
ARTICLE = Config()


class Attention(nn.Module):
    """All heads at once, spelled out: the weights exist, so that dropout can act on them."""

    def __init__(self, config):
        super().__init__()
        c = config.channels
        self.heads = config.heads
        self.query = nn.Linear(c, c, bias=config.qkv_bias)
        self.key = nn.Linear(c, c, bias=config.qkv_bias)
        self.value = nn.Linear(c, c, bias=config.qkv_bias)
        self.output = nn.Linear(c, c)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x):
        b, t, c = x.shape
        width = c // self.heads
        q, k, v = (p(x).view(b, t, self.heads, width).transpose(1, 2) for p in (self.query, self.key, self.value))
        scores = q @ k.transpose(2, 3) / width**0.5
        future = torch.ones(t, t, dtype=torch.bool).triu(1)
        weights = self.dropout(scores.masked_fill(future, float("-inf")).softmax(-1))
        return self.output((weights @ v).transpose(1, 2).reshape(b, t, c))


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.up = nn.Linear(config.channels, 4 * config.channels)
        self.gelu = nn.GELU(approximate={"exact": "none", "tanh": "tanh"}[config.gelu])
        self.down = nn.Linear(4 * config.channels, config.channels)

    def forward(self, x):
        return self.down(self.gelu(self.up(x)))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = Attention(config)
        self.feed_forward = FeedForward(config)
        self.norm1 = nn.LayerNorm(config.channels)
        self.norm2 = nn.LayerNorm(config.channels)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x):
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.dropout(self.feed_forward(self.norm2(x)))


class Gpt2(nn.Module):
    """Ids [B, T] in, scores [B, T, V] out. Like every module of PyTorch it starts in training mode, with dropout on."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.token = nn.Embedding(config.vocab_size, config.channels)
        self.position = nn.Embedding(config.context, config.channels)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.channels)
        if not config.tied:
            self.head = nn.Linear(config.channels, config.vocab_size, bias=False)

    def forward(self, ids):
        x = self.token(ids) + self.position(torch.arange(ids.shape[1]))
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return x @ self.token.weight.T if self.config.tied else self.head(x)


@torch.no_grad()
def greedy(model, ids, new_tokens):
    """The list of ids, continued by the most probable token each time; the model sees its last `context` ids."""
    ids = list(ids)
    for _ in range(new_tokens):
        scores = model(torch.tensor([ids[-model.config.context :]]))
        ids.append(int(scores[0, -1].argmax()))
    return ids
