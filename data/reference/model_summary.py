"""Parameters of the 124M model by layer, and of all published sizes, counted on models without memory."""

import torch
from common import begin
from gpt2 import ARTICLE, Gpt2

begin("model_summary")


def build(config):
    with torch.device("meta"):
        return Gpt2(config)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def mebibytes(parameters):
    return f"{parameters * 4 / 1024**2:.2f}"


def tree(module, depth=0, name="GPT-2"):
    print("  " * depth + name, count(module))
    children = [(name, child) for name, child in module.named_children() if count(child)]
    for name, child in children:
        if isinstance(child, torch.nn.ModuleList):
            print("  " * (depth + 1) + f"{len(child)} blocks of", count(child))
            assert len({count(block) for block in child}) == 1
            tree(child[0], depth + 2, "block")
        else:
            tree(child, depth + 1, name)


untied = build(ARTICLE)
tied = build(ARTICLE.but(tied=True))
tree(untied)
print("untied: parameters", count(untied), "mebibytes", mebibytes(count(untied)))
print("tied: parameters", count(tied), "mebibytes", mebibytes(count(tied)))

print("as OpenAI published them, tied and with query, key and value biases:")
for name, layers, channels, heads in (
    ("gpt2", 12, 768, 12),
    ("gpt2-medium", 24, 1024, 16),
    ("gpt2-large", 36, 1280, 20),
    ("gpt2-xl", 48, 1600, 25),
):
    total = count(build(ARTICLE.but(layers=layers, channels=channels, heads=heads, tied=True, qkv_bias=True)))
    print(
        f"{name} layers {layers} channels {channels} heads {heads} parameters {total} mebibytes {mebibytes(total)}"
    )
