"""The feed-forward network of a 124M block."""

import torch
from common import begin, show
from gpt2 import ARTICLE, FeedForward

begin("feed_forward")

torch.manual_seed(123)
layer = FeedForward(ARTICLE)
up, down = layer.up, layer.down
print(f"up {up.in_features} to {up.out_features}\nGELU\ndown {down.in_features} to {down.out_features}")
for name, parameter in layer.named_parameters():
    print(name, parameter.numel(), "values")
print("parameters", sum(parameter.numel() for parameter in layer.parameters()))

x = torch.rand(2, 3, 768)
with torch.no_grad():
    out = layer(x)
    print("shape of the input", *x.shape)
    print("shape of the output", *out.shape)
    print(show(out))
    same = torch.allclose(layer(x[:, 1]), out[:, 1], rtol=0, atol=1e-6)
    print(f"position 1 alone gives the same within 1e-6: {str(same).lower()}")
