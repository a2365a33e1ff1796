"""Learning a vocabulary of 4,096 entries by Hugging Face's tokenizers, which counts with as many threads as it is given."""

import os
import re
import time

import contender

given = contender.options()
os.environ["RAYON_NUM_THREADS"] = str(given.threads)

from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: E402

text = given.data.read_text(encoding="utf-8")
# Its threads share pieces of the text. A line break between two characters that are no whitespace is a word of its own,
# so that cutting before it changes no word.
cuts, begin = [], 0
for found in re.finditer(r"(?<=\S)\n(?=\S)", text):
    if found.start() - begin > 20_000:
        cuts.append(text[begin : found.start()])
        begin = found.start()
cuts.append(text[begin:])


def repetition():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=4096,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    started = time.perf_counter()
    tokenizer.train_from_iterator(cuts, trainer)
    seconds = time.perf_counter() - started
    assert tokenizer.get_vocab_size() == 4096
    return {"seconds": seconds, "tokens": 1}


contender.serve("tokenizers of Hugging Face", ["tokenizers"], repetition)
