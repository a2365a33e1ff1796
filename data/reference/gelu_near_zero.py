"""The GELU between -3 and 1, its least value, and its slope there; Python's own arithmetic, without PyTorch."""

import math

from common import begin

begin("gelu_near_zero", program="Python")


def share(x):
    """The probability that a number from the normal distribution is less than x."""
    return (1 + math.erf(x / math.sqrt(2))) / 2


for x in (-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0):
    print(f"x {x:.1f} relu {max(x, 0.0):.4f} share {share(x):.4f} gelu {x * share(x) + 0.0:.4f}")
steps = range(-3000, 1001)
least = min(steps, key=lambda step: step / 1000 * share(step / 1000)) / 1000
print(f"least value {least * share(least):.4f} at x {least:.3f}")
