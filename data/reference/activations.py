"""ReLU, GELU in two forms, and what the article calls SwiGLU."""

import math

import torch
from common import begin

begin("activations")

functions = [
    lambda x: x,
    torch.nn.ReLU(),
    torch.nn.GELU(),
    torch.nn.GELU(approximate="tanh"),
    lambda x: x * torch.nn.SiLU()(x),
]
print("x relu gelu gelu_tanh x*silu(x)")
for x in (-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0):
    print(*(f"{function(torch.tensor(x, dtype=torch.float64)).item() + 0.0:.4f}" for function in functions))

# In Python's own arithmetic, without PyTorch.
grid = [step / 100 for step in range(-500, 501)]
exact = [x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in grid]
tanh = [0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) for x in grid]
gap, at = max((abs(a - b), abs(x)) for a, b, x in zip(exact, tanh, grid))
print(f"largest difference between the two forms of GELU from -5 to 5: {gap:.6f} at x or -x {at:.2f}")
points = torch.tensor(grid, dtype=torch.float64)
for name, form, by_hand in (("Exact", "none", exact), ("Tanh", "tanh", tanh)):
    theirs = torch.nn.functional.gelu(points, approximate=form)
    same = bool((theirs - torch.tensor(by_hand, dtype=torch.float64)).abs().max() < 1e-12)
    print(f"{name} form by its formula equals libtorch's within 1e-12: {str(same).lower()}")
