"""Numbers the words of a text, and writes a sentence with these numbers."""

import re

from common import begin, chapter_text

begin("vocabulary", "Python")
file, text = chapter_text(1)
pattern = r"""([,.:;?_!"()']|--|\s)"""
vocabulary = sorted({word for word in re.split(pattern, text) if word.strip()})

print("text", file)
print("entries", len(vocabulary))
for id, word in enumerate(vocabulary[:20]):
    print(id, word)
if file == "data/story.txt":
    sentence = "Once there was a very small donkey who lived by a wide brown river"
else:
    sentence = "Once upon a time there were four little Rabbits"
ids = [vocabulary.index(word) for word in re.split(pattern, sentence) if word.strip()]
print("sentence:", sentence)
print("ids:", *ids)
print("decoded:", " ".join(vocabulary[id] for id in ids))
