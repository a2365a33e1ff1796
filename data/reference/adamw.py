"""Writes adamw.safetensors: weights before and after five AdamW steps of PyTorch on given gradients.

The gradients are long enough for the vectorized loops of PyTorch as well as for what is left at their end, and of very
different sizes. `crates/train/tests/reference.rs` takes the same steps and asks for the same bits.
"""

import torch
from safetensors.torch import save_file

from common import ROOT

SHAPES = [(3, 5), (67, 33), (7,)]

if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(123)
    tensors = {}
    parameters = [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    optimizer = torch.optim.AdamW(parameters, lr=4e-4, weight_decay=0.1)
    for i, parameter in enumerate(parameters):
        tensors[f"before.{i}"] = parameter.detach().clone()
    for step in range(5):
        for i, parameter in enumerate(parameters):
            parameter.grad = torch.randn(parameter.shape) * 10.0 ** (-2 * step)
            tensors[f"gradient.{step}.{i}"] = parameter.grad.clone()
        optimizer.step()
        for i, parameter in enumerate(parameters):
            tensors[f"after.{step}.{i}"] = parameter.detach().clone()
    metadata = {"from": f"PyTorch {torch.__version__.split('+')[0]}: data/reference/adamw.py"}
    save_file(tensors, ROOT / "data" / "reference" / "adamw.safetensors", metadata)
