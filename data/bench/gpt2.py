"""GPT-2 in PyTorch, twice: with the fused operations that PyTorch offers, and the way a book spells it out."""

import json
import math

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    """All heads in one projection and one fused call, causal."""

    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (part.view(b, t, self.heads, -1).transpose(1, 2) for part in self.qkv(x).split(c, dim=2))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(b, t, c))


class Block(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = Attention(channels, heads)
        self.up, self.down = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Gpt2(nn.Module):
    """GPT-2 with a tied head and without dropout."""

    def __init__(self, config):
        super().__init__()
        channels = config["n_embd"]
        self.token = nn.Embedding(config["vocab_size"], channels)
        self.position = nn.Embedding(config["n_positions"], channels)
        self.blocks = nn.ModuleList(Block(channels, config["n_head"]) for _ in range(config["n_layer"]))
        self.norm = nn.LayerNorm(channels)

    def forward(self, inputs, targets):
        x = self.token(inputs) + self.position.weight[: inputs.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.norm(x), self.token.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)


def load(folder):
    """Reads a folder in the public format; its weights are stored as [in, out]."""
    model = Gpt2(json.loads((folder / "config.json").read_text()))
    stored = {name.removeprefix("transformer."): tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    names = {"token": "wte", "position": "wpe", "norm": "ln_f"}
    parts = {"norm1": "ln_1", "norm2": "ln_2", "attention.qkv": "attn.c_attn", "attention.out": "attn.c_proj"}
    parts |= {"up": "mlp.c_fc", "down": "mlp.c_proj"}
    for i in range(len(model.blocks)):
        names |= {f"blocks.{i}.{ours}": f"h.{i}.{theirs}" for ours, theirs in parts.items()}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            layer, kind = name.rsplit(".", 1)
            tensor = stored[f"{names[layer]}.{kind}"]
            is_linear = parameter.dim() == 2 and layer not in ("token", "position")
            parameter.copy_(tensor.T if is_linear else tensor)
    return model


class SpelledNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        mean = x.mean(dim=-1, keepdim=True)
        variance = x.var(dim=-1, keepdim=True, unbiased=False)
        return self.scale * ((x - mean) / torch.sqrt(variance + 1e-5)) + self.shift


class SpelledGelu(nn.Module):
    def forward(self, x):
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class SpelledAttention(nn.Module):
    """Scores, mask, softmax, dropout and mixture one after the other; no query/key/value bias."""

    def __init__(self, channels, heads, context, dropout):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(channels, channels, bias=False) for _ in range(3))
        self.out, self.dropout = nn.Linear(channels, channels), nn.Dropout(dropout)
        self.register_buffer("future", torch.triu(torch.ones(context, context), diagonal=1), persistent=False)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (layer(x).view(b, t, self.heads, -1).transpose(1, 2) for layer in (self.query, self.key, self.value))
        scores = q @ k.transpose(2, 3)
        scores.masked_fill_(self.future.bool()[:t, :t], -torch.inf)
        weights = self.dropout(torch.softmax(scores / k.shape[-1] ** 0.5, dim=-1))
        return self.out((weights @ v).transpose(1, 2).contiguous().view(b, t, c))


class SpelledBlock(nn.Module):
    def __init__(self, channels, heads, context, dropout):
        super().__init__()
        self.norm1, self.norm2 = SpelledNorm(channels), SpelledNorm(channels)
        self.attention = SpelledAttention(channels, heads, context, dropout)
        self.mlp = nn.Sequential(nn.Linear(channels, 4 * channels), SpelledGelu(), nn.Linear(4 * channels, channels))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.dropout(self.mlp(self.norm2(x)))


class SpelledGpt2(nn.Module):
    """GPT-2 as Raschka, Build a Large Language Model (From Scratch), chapter 4, builds it: own formulas, an untied head."""

    def __init__(self, config, dropout=0.1):
        super().__init__()
        channels, context = config["n_embd"], config["n_positions"]
        self.token, self.position = nn.Embedding(config["vocab_size"], channels), nn.Embedding(context, channels)
        self.dropout = nn.Dropout(dropout)
        blocks = (SpelledBlock(channels, config["n_head"], context, dropout) for _ in range(config["n_layer"]))
        self.blocks = nn.Sequential(*blocks)
        self.norm = SpelledNorm(channels)
        self.head = nn.Linear(channels, config["vocab_size"], bias=False)

    def forward(self, inputs, targets):
        x = self.dropout(self.token(inputs) + self.position(torch.arange(inputs.shape[1])))
        logits = self.head(self.norm(self.blocks(x)))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
