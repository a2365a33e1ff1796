"""Three operations and the slope of their result, by autograd and by nudging."""

import torch
from common import begin

INPUT, WANTED = 2.0, 5.0


def forward(weight):
    product = weight * INPUT
    error = product - WANTED
    return product, error, error**2


def line(tensors):
    return " ".join(f"{tensor.item():.4f}" for tensor in tensors)


begin("chain_rule")
weight = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
product, error, loss = forward(weight)
product.retain_grad()
error.retain_grad()
loss.backward()
print("forward: product, error, loss")
print(line([product, error, loss]))
print("slope of the loss for error, product, weight")
print(line([error.grad, product.grad, weight.grad]))
nudged = forward(weight + 0.001)[2]
print(f"loss with the weight 0.001 larger {nudged.item():.6f}")
print(f"change per unit {(nudged - loss).item() / 0.001:.4f}")
after = weight - 0.1 * weight.grad
print(f"weight after a step of 0.1 {after.item():.4f}")
print(f"loss after it {forward(after)[2].item():.4f}")
