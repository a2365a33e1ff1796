"""Padding with the end token, targets shifted by one, and -100 after the first end token, in PyTorch."""

import torch
from torch.nn.functional import cross_entropy

from common import begin, show

END = 50256


def collate(sequences):
    longest = max(len(ids) for ids in sequences) + 1
    inputs, targets = [], []
    for ids in sequences:
        padded = ids + [END] * (longest - len(ids))
        shifted = torch.tensor(padded[1:])
        after_first_end = (shifted == END).cumsum(0) > 1
        inputs.append(torch.tensor(padded[:-1]))
        targets.append(shifted.masked_fill(after_first_end, -100))
    return torch.stack(inputs), torch.stack(targets)


if __name__ == "__main__":
    begin("collate")
    inputs, targets = collate([[0, 1, 2, 3, 4], [5, 6], [7, 8, 9]])
    print("inputs", show(inputs), "targets", show(targets), sep="\n")
    rows = torch.tensor([[-1.0, 1.0], [-0.5, 1.5], [-0.5, 1.5]])
    for count, text, wanted in [(2, "two", [0, 1]), (3, "three", [0, 1, 1]), (3, "three", [0, 1, -100])]:
        loss = cross_entropy(rows[:count], torch.tensor(wanted))
        print(f"loss of {text} rows with targets", *wanted[:-1], f"{wanted[-1]}: {loss:.4f}")
