"""Encoding a text by Python's tiktoken (`--style tiktoken`)."""

import time

import contender

given = contender.options()
text = given.data.read_bytes()[:1_000_000].decode(errors="ignore")

encoding = contender.gpt2_encoder()


def repetition():
    started = time.perf_counter()
    count = len(encoding.encode_ordinary(text))
    return {"seconds": time.perf_counter() - started, "tokens": count}


contender.serve("tiktoken of Python", ["tiktoken"], repetition)
