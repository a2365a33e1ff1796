"""What a layer norm passes back of an error: its two parts taken off on paper, and autograd's answer."""

import torch
from common import begin

X, DY = torch.tensor([1.0, 1.0, 5.0, 5.0]), torch.tensor([3.0, 1.0, 2.0, 6.0])


def line(numbers):
    return " ".join(f"{number + 0.0:.1f}" for number in numbers.tolist())


begin("norm_gradient")
deviation = X.std(correction=0)
normal = (X - X.mean()) / deviation
print("input", line(X))
print("normalized", line(normal))
print("error of the output", line(DY))
shifted = DY - DY.mean()
print(f"its mean {DY.mean().item():.1f}, taken off", line(shifted))
along = (DY * normal).mean()
rest = shifted - along * normal
print(f"its share along the input {along.item():.1f}, taken off", line(rest))
print("divided by the standard deviation", line(rest / deviation))
x = X.clone().requires_grad_()
(torch.nn.functional.layer_norm(x, [4], eps=0.0) * DY).sum().backward()
print("by hand", line(rest / deviation))
print("by autograd", line(x.grad))
