"""Gradients of five layers, without and with shortcuts."""

import torch
from common import begin

# Six decimals are printed; the last of a small gradient may round either way.
begin("shortcut_gradients", atol=1e-6)


class Net(torch.nn.Module):
    def __init__(self, shortcuts):
        super().__init__()
        self.shortcuts = shortcuts
        self.layers = torch.nn.ModuleList(
            torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.GELU()) for _ in range(5)
        )

    def forward(self, x):
        for layer in self.layers:
            x = x + layer(x) if self.shortcuts else layer(x)
        return x


torch.manual_seed(123)
_ = [torch.nn.Linear(4, 4) for _ in range(5)]
x = torch.randn(1, 4)
for shortcuts in (False, True):
    torch.manual_seed(123)
    net = Net(shortcuts)
    torch.nn.MSELoss()(net(x), torch.zeros(1, 4)).backward()
    sizes = [layer[0].weight.grad.abs().mean().item() for layer in net.layers]
    print(f"mean size of the gradient, {'with' if shortcuts else 'without'} shortcuts")
    for layer, size in enumerate(sizes):
        print(f"layer {layer} weight {size:.6f}")
    print(f"last layer over first layer {sizes[-1] / sizes[0]:.2f}")
