"""Ten operations on tensors, out of which a GPT-2 is made."""

import math

import torch
from common import begin, show

begin("tensors")
a = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
row = torch.tensor([10.0, 20.0, 30.0])


def say(title, result):
    print(title, "-> shape", *result.shape)
    print(show(result))


say("1 from six numbers, seen as two rows of three", a)
say("2 plus, number by number", a + a)
say("3 plus a row, which is repeated for each row", a + row)
say("4 the second row", a[1])
say("5 columns 1 and 2", a[:, 1:3])
say("6 rows and columns exchanged", a.T)
say("7 the sum of each row", a.sum(-1))
say("8 the product of matrices with what 6 made", a @ a.T)
say("9 softmax of each row", a.softmax(-1))
hidden = torch.tensor([[False, True, True], [False, False, True]])
say("10 minus infinity where a mask is true", a.masked_fill(hidden, -math.inf))
