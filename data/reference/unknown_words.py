"""A sentence with words that the vocabulary lacks: an error, or <unk>."""

import re

from common import begin, chapter_text

begin("unknown_words", "Python")
file, text = chapter_text(1)
pattern = r"""([,.:;?_!"()']|--|\s)"""
vocabulary = sorted({word for word in re.split(pattern, text) if word.strip()})

print("text", file)
if file == "data/story.txt":
    sentence = "Once there was a very small donkey who lived by a wide brown lake, and he was very happy."
else:
    sentence = "Once upon a time there were four little Rabbits, and they were all very happy."
print("sentence:", sentence)
words = [word for word in re.split(pattern, sentence) if word.strip()]

print(f"without <unk>: {len(vocabulary)} entries")
unknown = next(word for word in words if word not in vocabulary)
print(
    f'error: the word "{unknown}" is not among the {len(vocabulary)} of this vocabulary;',
    "take a vocabulary with an entry for unknown words",
)

vocabulary.append("<unk>")
print(f"with <unk>: {len(vocabulary)} entries")
ids = [vocabulary.index(word if word in vocabulary else "<unk>") for word in words]
print("ids:", *ids)
print("decoded:", re.sub(r" ([,.:;?!)])", r"\1", " ".join(vocabulary[id] for id in ids)))
