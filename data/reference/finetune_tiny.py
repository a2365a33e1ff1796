"""A small GPT-2 of PyTorch before and after fourteen passes over 16 embedded instructions of one kind."""

import json

import torch
from torch.nn.functional import cross_entropy

from collate import END, collate
from common import ROOT, begin, gpt2_encoder
from gpt2 import Config, Gpt2
from prompt_format import PREAMBLE

KIND = "sentiment"
PASSES = 14


def prompt(entry):
    given = f"\n\n### Input:\n{entry['input']}" if entry["input"] else ""
    return f"{PREAMBLE}\n\n### Instruction:\n{entry['instruction']}{given}\n\n### Response:\n"


def batch_loss(model, entries):
    """The loss of the answers; what belongs to the question is read and not counted."""
    inputs, targets = collate([question + answer for question, answer in entries])
    for row, (question, _) in zip(targets, entries):
        row[: len(question) - 1] = -100
    return cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


@torch.no_grad()
def answer(model, encoder, entry, most):
    ids = encoder.encode_ordinary(prompt(entry))
    start = len(ids)
    while len(ids) < start + most:
        best = int(model(torch.tensor([ids]))[0, -1].argmax())
        if best == END:
            break
        ids.append(best)
    return encoder.decode(ids[start:]).strip()


if __name__ == "__main__":
    # On another processor the last digits drift apart over 28 steps.
    begin("finetune_tiny", rtol=1e-2)
    encoder = gpt2_encoder()
    entries = json.loads((ROOT / "data" / "instructions.json").read_text())
    asked, *training = [entry for entry in entries if entry["kind"] == KIND][:17]
    encode = encoder.encode_ordinary
    encoded = [(encode(prompt(entry)), encode(entry["output"])) for entry in [asked, *training]]
    held_out, batches = encoded[:1], [encoded[i : i + 8] for i in range(1, len(encoded), 8)]

    torch.manual_seed(123)
    model = Gpt2(Config(context=96, channels=64, heads=2, layers=2, dropout=0.0, qkv_bias=True, gelu="tanh"))
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.1)

    def show(when):
        with torch.no_grad():
            learned = sum(batch_loss(model, batch).item() for batch in batches) / len(batches)
            new = batch_loss(model, held_out).item()
        print(f"{when} loss {learned:.4f} on {len(training)} instructions, {new:.4f} on one that is held out")
        print(f"{when} it answers: {answer(model, encoder, asked, 16)}")

    print("held out:", asked["instruction"], asked["input"])
    print("expected:", asked["output"])
    show("before")
    for _ in range(PASSES):
        for batch in batches:
            optimizer.zero_grad()
            batch_loss(model, batch).backward()
            optimizer.step()
    show("after")
