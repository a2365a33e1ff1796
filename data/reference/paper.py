"""The model on paper: six words, four channels, two heads, eight hidden numbers, one block, every weight chosen by hand.

The demos `forward_on_paper`, `attention_on_paper`, `block_on_paper` and `step_on_paper` follow one sentence through it.
"""

import math

import torch

TEXT = "the cat saw the dog . the dog ran ."
SENTENCE = "the cat saw the dog"
VOCABULARY = sorted(set(TEXT.split()))
IDS = [VOCABULARY.index(word) for word in SENTENCE.split()]
TARGETS = [*IDS[1:], VOCABULARY.index(".")]
T, C, H = len(IDS), 4, 2
D = C // H

TOKEN = torch.tensor(
    [
        [-0.4, -0.8, 0.3, 0.9],
        [0.9, 1.1, -0.9, -1.1],
        [1.2, 0.5, -1.2, -0.5],
        [-1.1, 0.3, -0.5, 1.3],
        [-1.3, 0.1, -0.3, 1.5],
        [1.2, -1.2, 0.6, -0.6],
    ]
)
POSITION = torch.tensor(
    [
        [0.2, -0.2, -0.4, 0.4],
        [0.1, -0.1, -0.1, 0.1],
        [-0.1, 0.1, 0.1, -0.1],
        [-0.2, 0.2, 0.4, -0.4],
        [0.2, -0.3, -0.2, 0.3],
    ]
)
QUERY = torch.tensor(
    [[0.5, 0.0, 0.0, -0.5], [0.0, 0.5, -0.5, 0.0], [0.5, -0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
)
KEY = torch.tensor(
    [[0.0, 1.0, -1.0, 0.0], [0.5, 0.0, 0.0, 0.5], [0.5, 0.0, 0.0, -0.5], [0.0, -1.0, 1.0, 0.0]]
)
VALUE = torch.tensor(
    [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.5, -0.5], [0.5, -0.5, 0.0, 0.0]]
)
OUTPUT = torch.tensor(
    [[0.5, 0.0, 0.5, 0.0], [0.0, 0.5, 0.0, -0.5], [-0.5, 0.0, 0.0, 0.5], [0.0, -0.5, 0.5, 0.0]]
)
OUTPUT_BIAS = torch.tensor([0.1, 0.0, -0.1, 0.0])
UP = torch.tensor(
    [
        [0.5, -0.5, 0.0, 0.0],
        [0.0, 0.5, -0.5, 0.0],
        [0.0, 0.0, 0.5, -0.5],
        [-0.5, 0.0, 0.0, 0.5],
        [0.5, 0.5, 0.0, 0.0],
        [0.0, 0.5, 0.5, 0.0],
        [0.0, 0.0, 0.5, 0.5],
        [0.5, 0.0, 0.0, 0.5],
    ]
)
UP_BIAS = torch.tensor([0.1, 0.1, 0.0, 0.0, -0.1, -0.1, 0.0, 0.0])
DOWN = torch.tensor(
    [
        [0.4, 0.0, 0.0, -0.2, 0.2, 0.0, 0.0, 0.0],
        [0.0, 0.4, -0.2, 0.0, 0.0, 0.2, 0.0, 0.0],
        [0.0, -0.2, 0.4, 0.0, 0.0, 0.0, 0.2, 0.0],
        [-0.2, 0.0, 0.0, 0.4, 0.0, 0.0, 0.0, 0.2],
    ]
)
DOWN_BIAS = torch.tensor([0.0, 0.1, 0.0, -0.1])
HEAD = torch.tensor(
    [
        [0.2, 0.3, -0.3, 0.1],
        [0.3, -0.2, 0.2, -0.3],
        [0.3, -0.3, 0.3, -0.2],
        [-0.2, 0.3, -0.1, 0.2],
        [0.1, 0.4, -0.3, -0.2],
        [-0.4, 0.1, 0.2, 0.5],
    ]
)


def embed():
    """What the first block reads: the sum of both tables' rows, [T, C]."""
    return TOKEN[IDS] + POSITION[:T]


def heads(x, weight):
    """Projects and cuts into heads, [H, T, D], by slices of columns."""
    p = x @ weight.T
    return torch.stack([p[:, D * head : D * (head + 1)] for head in range(H)])


def attention_weights(x):
    """[H, T, T]"""
    scores = heads(x, QUERY) @ heads(x, KEY).mT / math.sqrt(D)
    return scores.masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf).softmax(-1)


def attention(x):
    """[T, C]"""
    mixed = attention_weights(x) @ heads(x, VALUE)
    return torch.cat(list(mixed), dim=-1) @ OUTPUT.T + OUTPUT_BIAS


def norm(x):
    """Mean 0 and variance 1 for each row; the learned scale is 1 and the shift 0."""
    return torch.nn.functional.layer_norm(x, [C], eps=1e-5)


def hidden():
    """Everything before the output head, [T, C]."""
    x = embed()
    x = x + attention(norm(x))
    x = x + torch.nn.functional.gelu(norm(x) @ UP.T + UP_BIAS, approximate="tanh") @ DOWN.T + DOWN_BIAS
    return norm(x)
