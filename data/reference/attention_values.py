"""Numbers for the tests of the attention crate, from PyTorch's own layers.

    python data/reference/attention_values.py > data/reference/attention_values.json
"""

import json
import math

import torch
from torch import nn

torch.set_num_threads(1)


def initial_numbers(inputs, outputs):
    torch.manual_seed(123)
    layer = nn.Linear(inputs, outputs)
    weight, bias = layer.weight.detach(), layer.bias.detach()

    def excerpt(values):
        flat = values.flatten()
        return {"first": flat[:5].tolist(), "last": flat[-5:].tolist(), "sum": flat.double().sum().item()}

    return {"inputs": inputs, "outputs": outputs, "weight": excerpt(weight), "bias": excerpt(bias)}


def multi_head(qkv_bias):
    """PyTorch's MultiheadAttention with the weights of four Linear layers, and the gradient of its squared output."""
    channels, heads, positions = 8, 2, 5
    torch.manual_seed(42)
    query, key, value = (nn.Linear(channels, channels, bias=qkv_bias) for _ in range(3))
    output = nn.Linear(channels, channels)
    layer = nn.MultiheadAttention(channels, heads, bias=True, batch_first=True)
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.cat([query.weight, key.weight, value.weight]))
        if qkv_bias:
            layer.in_proj_bias.copy_(torch.cat([query.bias, key.bias, value.bias]))
        else:
            layer.in_proj_bias.zero_()
        layer.out_proj.weight.copy_(output.weight)
        layer.out_proj.bias.copy_(output.bias)
    torch.manual_seed(43)
    x = torch.randn(3, positions, channels, requires_grad=True)
    future = torch.ones(positions, positions).triu(1).bool()
    y, _ = layer(x, x, x, attn_mask=future, need_weights=False)
    y.square().sum().backward()
    return {
        "qkv_bias": qkv_bias,
        "channels": channels,
        "heads": heads,
        "seed": 42,
        "input": x.tolist(),
        "output": y.tolist(),
        "gradient": x.grad.tolist(),
    }


def dropout_in_training():
    """Three positions of two channels; the weights are dropped, not the scores, the values or the mixture."""
    torch.manual_seed(42)
    q, k, v = torch.randn(3, 2), torch.randn(3, 2), torch.randn(3, 2)
    weights = (q @ k.T / math.sqrt(2)).masked_fill(torch.ones(3, 3).triu(1).bool(), -math.inf).softmax(-1)
    torch.manual_seed(43)
    mixed = nn.functional.dropout(weights, 0.5, training=True) @ v
    return {"seed": 42, "dropout_seed": 43, "dropout": 0.5, "output": mixed.tolist()}


print(
    json.dumps(
        {
            "made_by": f"PyTorch {torch.__version__.split('+')[0]}: data/reference/attention_values.py",
            "linear": [initial_numbers(*size) for size in [(3, 2), (4, 4), (768, 768), (768, 3072)]],
            "multi_head": [multi_head(False), multi_head(True)],
            "dropout": dropout_in_training(),
        },
        indent=1,
    )
)
