"""The model on paper, part 4: the loss, its gradient for the output head, and one step of gradient descent."""

import torch
from common import begin, show
from paper import HEAD, TARGETS, VOCABULARY, hidden

RATE = 0.5

begin("step_on_paper")
h, targets = hidden(), torch.tensor(TARGETS)
head = HEAD.clone().requires_grad_()
logits = h @ head.T
logits.retain_grad()
losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
losses.mean().backward()

print("targets:", *(VOCABULARY[target] for target in TARGETS))
print("probabilities of", *VOCABULARY)
print(show(logits.softmax(-1)))
print("loss at each position")
print(show(losses))
print(f"mean loss {losses.mean().item():.4f}")
# The gradient of the mean is a fifth of this.
print("p - 1 at the target, p elsewhere")
print(show(logits.grad * len(TARGETS)))
print("gradient of the head")
print(show(head.grad))
after = head.detach() - RATE * head.grad
print("the head after one step of rate 0.5")
print(show(after))
logits = h.detach() @ after.T
print("probabilities after the step")
print(show(logits.softmax(-1)))
print(f"mean loss after the step {torch.nn.functional.cross_entropy(logits, targets).item():.4f}")
one_hot = torch.nn.functional.one_hot(targets, len(VOCABULARY))
by_hand = ((h @ head.detach().T).softmax(-1) - one_hot).T @ h / len(TARGETS)
print("gradient by hand equals autograd within 1e-6:", str(torch.allclose(by_hand, head.grad, rtol=0, atol=1e-6)).lower())
