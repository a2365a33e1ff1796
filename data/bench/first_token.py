"""From the start of a Python program to its first token by transformers: a process for each repetition."""

import subprocess
import sys
import time

import contender

PROGRAM = """
import sys, torch
from transformers import GPT2LMHeadModel
torch.set_num_threads(int(sys.argv[2]))
model = GPT2LMHeadModel.from_pretrained(sys.argv[1]).eval()
with torch.inference_mode():
    print(model(torch.tensor([[int(id) for id in sys.argv[3:]]])).logits[0, -1].argmax().item(), flush=True)
"""

given = contender.options()
command = [sys.executable, "-c", PROGRAM, str(given.model), str(given.threads), *map(str, contender.ids(3))]


def repetition():
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        token = process.stdout.readline()
        seconds = time.perf_counter() - started
    assert process.returncode == 0 and token.strip().isdigit(), token
    return {"seconds": seconds, "tokens": 1}


contender.serve("transformers", ["transformers", "torch"], repetition)
