"""The gradient of the loss for eight logits, beside their probabilities less 1 at the target."""

import torch
from common import begin, show
from torch.nn.functional import cross_entropy, one_hot
from toy import WORDS, logits

TARGET = 1

begin("logit_gradient")
scores = logits().requires_grad_()
target = torch.tensor(TARGET)
loss = cross_entropy(scores, target)
loss.backward()
probabilities = scores.detach().softmax(-1)
print("words", *WORDS)
print("the right word is", TARGET, WORDS[TARGET])
print("probabilities")
print(show(probabilities))
print("probabilities, less 1 at the target")
print(show(probabilities - one_hot(target, len(WORDS))))
print("gradient of the loss by autograd")
print(show(scores.grad))
moved = scores.detach() - scores.grad
print("logits less their gradient")
print(show(moved))
print(f"loss {loss.item():.4f}, then {cross_entropy(moved, target).item():.4f}")
