"""Encoding a text by Python's tiktoken (`--style tiktoken`)."""

import time

import contender

given = contender.options()
text = given.data.read_bytes()[:1_000_000].decode(errors="ignore")

import tiktoken

encoding = tiktoken.get_encoding("gpt2")


def repetition():
    started = time.perf_counter()
    count = len(encoding.encode_ordinary(text))
    return {"seconds": time.perf_counter() - started, "tokens": count}


contender.serve("tiktoken of Python", ["tiktoken"], repetition)
