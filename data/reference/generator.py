"""PyTorch's generator beside NumPy's Mersenne Twister, and how many numbers each operation takes from it."""

import numpy
import torch
from common import begin
from torch import nn
from torch.utils.data import DataLoader

begin("generator")
SEED = 123
# RandomState seeds by init_genrand, as PyTorch does.
stream = numpy.random.RandomState(SEED)._bit_generator.random_raw(2000).tolist()


def taken(operation):
    torch.manual_seed(SEED)
    operation()
    following = torch.empty(3, dtype=torch.int64).random_(2**24).tolist()
    return next(i for i in range(1990) if [number % 2**24 for number in stream[i : i + 3]] == following)


def dropout(probability, train):
    return lambda: nn.functional.dropout(torch.ones(40), probability, train)


def draw(words):
    return lambda: torch.multinomial(torch.ones(words), 1)


def words(numbers):
    return " ".join(f"{number:.6f}" for number in numbers)


print("the generator with seed", SEED)
print(*stream[:4])
print("four uniform numbers by libtorch")
torch.manual_seed(SEED)
print(words(torch.rand(4).tolist()))
print("by hand, the low 24 bits over 2 to the power of 24")
print(words(number % 2**24 / 2**24 for number in stream[:4]))
print("a whole number of 63 bits by libtorch")
torch.manual_seed(SEED)
print(int(torch.empty((), dtype=torch.int64).random_()))
print("by hand, the first number before the second")
print((stream[0] * 2**32 + stream[1]) % 2**63)

print("numbers taken from the generator")
for name, operation in {
    "uniform 40": lambda: torch.rand(40),
    "normal 8": lambda: torch.randn(8),
    "normal 48": lambda: torch.randn(48),
    "normal 40": lambda: torch.randn(40),
    "embedding of 50 rows and 8 channels": lambda: nn.Embedding(50, 8),
    "linear 4 to 4 without bias": lambda: nn.Linear(4, 4, bias=False),
    "linear 4 to 4 with bias": lambda: nn.Linear(4, 4),
    "dropout of 40 while training": dropout(0.1, True),
    "dropout of 40 while measuring": dropout(0.1, False),
    "dropout of 40 with probability 0": dropout(0.0, True),
    "pass in order over 40 items": lambda: list(DataLoader(range(40), batch_size=4)),
    "shuffled pass over 40 items": lambda: list(DataLoader(range(40), batch_size=4, shuffle=True)),
    "one draw among 8 words": draw(8),
    "one draw among 800 words": draw(800),
}.items():
    print(f"{name}: {taken(operation)}")

torch.manual_seed(SEED)
print("a shuffled pass over 9 items")
print(*next(iter(DataLoader(range(9), batch_size=9, shuffle=True))).tolist())

torch.manual_seed(SEED)
mean, gradient = torch.randn(1000), torch.randn(1000)
moved, summed = mean.lerp(gradient, 1 - 0.9), mean * 0.9 + gradient * (1 - 0.9)
differing = int((moved != summed).sum())
print(f"a mean moved by lerp, and by multiplying and adding: {differing} of 1000 differ in the last bit")
