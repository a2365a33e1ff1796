"""Byte pairs: trained on a few words, and as GPT-2 learned them."""

from collections import Counter

import regex
from common import begin, chapter_text, gpt2_encoder

begin("byte_pairs", "tiktoken")
file, text = chapter_text(1)
encoder = gpt2_encoder()


def visible(piece):
    try:
        return piece.decode("utf-8").replace(" ", "·")
    except UnicodeDecodeError:
        return f"[{', '.join(f'{byte:02x}' for byte in piece)}]"


def joined(parts, pair):
    """The parts with every occurrence of the pair made one, from left to right."""
    result = []
    for part in parts:
        if result and (result[-1], part) == pair:
            result[-1] += part
        else:
            result.append(part)
    return result


print("text", file)
training = "the river ran round the mill, and the miller ran round the other river"
print("training on:", training)
words = [[bytes([byte]) for byte in word.encode()] for word in regex.findall(encoder._pat_str, training)]
numbers = {bytes([byte]): byte for byte in range(256)}
for id in range(256, 268):
    counts = Counter(pair for word in words for pair in zip(word, word[1:]))
    # The most frequent pair; of equals, the one with the lower numbers.
    pair = min(counts, key=lambda pair: (-counts[pair], numbers[pair[0]], numbers[pair[1]]))
    print(id, visible(pair[0]), "+", visible(pair[1]), "seen", counts[pair], "times")
    words = [joined(word, pair) for word in words]
    numbers[pair[0] + pair[1]] = id
print("vocabulary size", len(numbers))

sample = "the other miller"
print(visible(sample.encode()))
for word in regex.findall(encoder._pat_str, sample):
    parts = [bytes([byte]) for byte in word.encode()]
    while candidates := [pair for pair in zip(parts, parts[1:]) if b"".join(pair) in numbers]:
        parts = joined(parts, min(candidates, key=lambda pair: numbers[b"".join(pair)]))
    for part in parts:
        print(" ", numbers[part], visible(part))

print("with the pieces of GPT-2")
print("vocabulary size", encoder.n_vocab)
for sample in ["unbelievability", "Once upon a time", "don't stop  now", "naïve 😀", "<|endoftext|>"]:
    print(visible(sample.encode()))
    for id in encoder.encode_ordinary(sample):
        print(" ", id, visible(encoder.decode_single_token_bytes(id)))
ids = encoder.encode_ordinary(text)
print(f"the whole text: {len(ids)} ids, equal to tiktoken-rs")
print("sum of these ids:", sum(ids))
assert encoder.decode(ids) == text
print("decoded again: equal to the text")
