"""One causal head, 4 channels in and 4 out."""

import torch
from common import begin, show

begin("causal_attention")


class Head(torch.nn.Module):
    def __init__(self, inputs, width, context, dropout):
        super().__init__()
        self.query = torch.nn.Linear(inputs, width, bias=False)
        self.key = torch.nn.Linear(inputs, width, bias=False)
        self.value = torch.nn.Linear(inputs, width, bias=False)
        self.dropout = torch.nn.Dropout(dropout)
        self.register_buffer("future", torch.triu(torch.ones(context, context), diagonal=1).bool())

    def forward(self, x):
        positions = x.shape[1]
        scores = self.query(x) @ self.key(x).transpose(1, 2)
        scores = scores.masked_fill(self.future[:positions, :positions], float("-inf"))
        weights = torch.softmax(scores / self.query.out_features**0.5, dim=-1)
        return self.dropout(weights) @ self.value(x)


torch.manual_seed(123)
x = torch.randn(2, 5, 4)
head = Head(4, 4, 5, 0.0)
with torch.no_grad():
    print("x: two sequences of five positions")
    print(show(x))
    output = head(x)
    print("shape", *output.shape)
    print(show(output))
    changed = x.clone()
    changed[:, 3] += 1.0
    moved = (head(changed) != output).any(dim=-1).any(dim=0)
    print("after an edit of position 3 the output changes at:", *moved.nonzero().flatten().tolist())
