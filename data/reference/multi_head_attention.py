"""Multi-head attention as one layer: four matrices of all channels, two heads."""

import math

import torch
from common import begin, show

begin("multi_head_attention")

torch.manual_seed(123)
x = torch.randn(2, 5, 6)
query, key, value = (torch.nn.Linear(6, 6, bias=False) for _ in range(3))
output = torch.nn.Linear(6, 6)

with torch.no_grad():
    print("queries of the first sequence before the split, shape 5 6")
    print(show(query(x)[0]))
    # Slices of three channels, by indexing, so that no reshaping can go wrong.
    q, k, v = (torch.stack([p[..., :3], p[..., 3:]], dim=1) for p in (query(x), key(x), value(x)))
    print("the same after the split, shape 2 5 3")
    print(show(q[0]))

    hidden = torch.ones(5, 5).triu(1).bool()

    def weights(divisor):
        return (q @ k.mT / divisor).masked_fill(hidden, -math.inf).softmax(-1)

    def layer(divisor):
        first, second = (weights(divisor) @ v).unbind(1)
        return output(torch.cat([first, second], dim=-1))

    print("weights of both heads on the first sequence")
    print(show(weights(math.sqrt(3))[0]))
    print("scores divided by the root of 3, the width of a head; output shape", *layer(math.sqrt(3)).shape)
    print(show(layer(math.sqrt(3))))
    print("scores divided by the root of 6, all channels; output shape", *layer(math.sqrt(6)).shape)
    print(show(layer(math.sqrt(6))))
    fused = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    explicit = weights(math.sqrt(3)) @ v
    print(f"fused equals explicit within 1e-6: {str(torch.allclose(fused, explicit, rtol=0, atol=1e-6)).lower()}")
