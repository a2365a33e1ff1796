"""The model on paper, part 1: a sentence becomes ids, and each id becomes its row plus the row of its position."""

from common import begin, show
from paper import IDS, POSITION, SENTENCE, TARGETS, TOKEN, T, VOCABULARY, embed

begin("forward_on_paper")
print("sentence:", SENTENCE)
print("vocabulary:", *VOCABULARY)
print("ids", *IDS)
print("targets", *TARGETS)
print("rows of the tokens")
print(show(TOKEN[IDS]))
print("rows of the positions")
print(show(POSITION[:T]))
print("x, their sum")
print(show(embed()))
