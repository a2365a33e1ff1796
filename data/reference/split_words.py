"""Cuts a text into words and punctuation marks."""

import re

from common import begin, chapter_text

begin("split_words", "Python")
file, text = chapter_text(1)


def split(text):
    return [word for word in re.split(r"""([,.:;?_!"()']|--|\s)""", text) if word.strip()]


print("text", file)
sentence = '"Wait," said the goose -- who was never in a hurry -- "is it Mrs. Plum\'s boat?"'
print("sentence:", sentence)
print("words:", *split(sentence))
words = split(text)
print("characters of the text:", len(text))
print("words and marks of the text:", len(words))
print("first 10:", *words[:10])
