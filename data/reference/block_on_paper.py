"""The model on paper, part 3: norms, the feed-forward network, the residual stream, and a logit for each word."""

import torch
from common import begin, show
from paper import DOWN, DOWN_BIAS, HEAD, UP, UP_BIAS, VOCABULARY, attention, embed, hidden, norm

begin("block_on_paper")
x = embed()
print("x after the first norm")
print(show(norm(x)))
x = x + attention(norm(x))
print("x plus what attention has read")
print(show(x))
mean, deviation = x.mean(-1, keepdim=True), x.std(-1, keepdim=True, correction=0)
print("mean and standard deviation of each row")
print(show(torch.cat([mean, deviation], dim=-1)))
print("after the second norm")
print(show(norm(x)))
up = norm(x) @ UP.T + UP_BIAS
print("up to 8 channels")
print(show(up))
bent = torch.nn.functional.gelu(up, approximate="tanh")
print("after GELU")
print(show(bent))
print("down to 4 channels")
print(show(bent @ DOWN.T + DOWN_BIAS))
print("x plus what the feed-forward network says")
print(show(x + bent @ DOWN.T + DOWN_BIAS))
print("after the final norm")
print(show(hidden()))
logits = hidden() @ HEAD.T
print("logits for", *VOCABULARY)
print(show(logits))
print("largest logit of each row:", *(VOCABULARY[i] for i in logits.argmax(-1)))
