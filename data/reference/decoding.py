"""The most probable of eight words, and 100 draws among them."""

from common import begin, show
from toy import WORDS, logits, print_draws

begin("decoding")
scores = logits()
probabilities = scores.softmax(-1)
print("words", *WORDS)
print("logits")
print(show(scores))
print("probabilities")
print(show(probabilities))
best = int(scores.argmax())
print("the most probable is", best, WORDS[best])
print_draws(probabilities)
