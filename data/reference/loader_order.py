"""Writes loader_order.json: what PyTorch and Python draw, for the tests of the loader, the sample and the embedding.

Not a demo's script: run it as `python data/reference/loader_order.py`.
"""

import json
import platform
import random
from pathlib import Path

import torch
from torch.utils.data import DataLoader

torch.set_num_threads(1)


def after():
    """What the default generator gives next: wrong as soon as one draw is missing or too many."""
    return torch.empty((), dtype=torch.int64).random_().item()


def passes(items, batch_size, shuffle, drop_last):
    """Two passes in a row from seed 123, the second one left after its first batch."""
    torch.manual_seed(123)
    loader = DataLoader(range(items), batch_size=batch_size, shuffle=shuffle, drop_last=drop_last)
    first = [batch.tolist() for batch in loader]
    after_first = after()
    second = next(iter(loader)).tolist()
    after_second = after()
    iter(loader)  # started, but no batch asked for
    return {
        "items": items,
        "batch_size": batch_size,
        "shuffled": shuffle,
        "complete_only": drop_last,
        "first_pass": first,
        "after_first_pass": after_first,
        "first_batch_of_second_pass": second,
        "after_that": after_second,
        "after_a_pass_without_a_batch": after(),
    }


def sample(seed, items, size):
    random.seed(seed)
    return {"seed": seed, "items": items, "size": size, "picked": random.sample(range(items), size)}


def embedding(rows, channels):
    """Bits of a few values, and the sum of all: sizes below and above 16 values are drawn by different code."""
    torch.manual_seed(123)
    weight = torch.nn.Embedding(rows, channels).weight.detach()
    return {
        "rows": rows,
        "channels": channels,
        "first": weight.flatten()[:4].tolist(),
        "last": weight.flatten()[-4:].tolist(),
        "after": after(),
    }


values = {
    "versions": {"torch": torch.__version__.split("+")[0], "python": platform.python_version()},
    "script": "data/reference/loader_order.py",
    "passes": [
        passes(9, 2, True, True),
        passes(18, 4, True, False),
        passes(935, 8, True, True),
        passes(9, 2, False, False),
        passes(1, 1, True, False),
        passes(2, 1, True, False),
        passes(3, 2, True, False),
        passes(4, 3, True, False),
        passes(5, 5, True, False),
    ],
    "samples": [
        sample(123, 52002, 1000),
        sample(123, 1100, 10),
        sample(123, 20, 15),
        sample(0, 100, 5),
        sample(2**32 + 7, 85, 6),
        sample(42, 86, 21),
        sample(7, 1044, 64),
        sample(7, 1045, 85),
        sample(7, 1046, 86),
    ],
    "embeddings": [embedding(1, 4), embedding(3, 5), embedding(2, 8), embedding(10, 4), embedding(50257, 8)],
}
lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in values.items()]
Path(__file__).with_suffix(".json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
