"""Training in PyTorch, in four styles: eager, compiled, book, transformers; and the fine-tuning loop, eager or compiled.

A step is: loss, backward, clip the gradient to norm 1, AdamW, gradients set to none. With `--dtype bf16` the loss is computed under
autocast.
"""

import json
import time

import contender

given = contender.options()

import torch

torch.set_num_threads(given.threads)
torch.manual_seed(123)

import gpt2


def fused_adamw(model, learning_rate):
    return torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.1, fused=True)


def build():
    """The function that gives the loss of a batch, and its optimizer."""
    learning_rate = 5e-5 if given.group == "finetune" else 1e-4
    if given.style == "transformers":
        from transformers import GPT2LMHeadModel

        model = GPT2LMHeadModel.from_pretrained(given.model).train()
        logits = lambda inputs: model(inputs, use_cache=False).logits.flatten(0, 1)
        loss = lambda inputs, targets: torch.nn.functional.cross_entropy(logits(inputs), targets.flatten())
        return loss, fused_adamw(model, learning_rate)
    if given.style == "book":
        model = gpt2.SpelledGpt2(json.loads((given.model / "config.json").read_text())).train()
        return model, torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.1)
    model = gpt2.load(given.model).train()
    loss = torch.compile(model, dynamic=given.group == "finetune") if given.style == "compiled" else model
    return autocast(loss) if given.dtype == "bf16" else loss, fused_adamw(model, learning_rate)


def autocast(loss):
    """The same with matrix products, and what PyTorch does beside them, in bfloat16."""

    def rounded(inputs, targets):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return loss(inputs, targets)

    return rounded


loss_of, optimizer = build()
parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]


def step(inputs, targets):
    loss = loss_of(inputs, targets)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


def train_batch():
    vocabulary = json.loads((given.model / "config.json").read_text())["vocab_size"]
    rows = torch.tensor(contender.ids(given.batch * (given.context + 1), vocabulary)).view(given.batch, given.context + 1)
    return rows[:, :-1].contiguous(), rows[:, 1:].contiguous()


def instruction_rows():
    """64 entries, evenly spread over the file, as ids: the Alpaca prompt, the answer, the end of the text."""
    encoding = contender.gpt2_encoder()
    entries = json.loads(given.data.read_text())
    rows = []
    for i in range(64):
        entry = entries[i * len(entries) // 64]
        text = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
        text += f"\n\n### Instruction:\n{entry['instruction']}"
        text += f"\n\n### Input:\n{entry['input']}" if entry.get("input") else ""
        text += f"\n\n### Response:\n{entry['output']}"
        rows.append(encoding.encode(text) + [50256])
    return rows


def collate(rows):
    """Padded to the longest row; of the padding only the first end-of-text counts as a target."""
    longest = max(len(row) for row in rows)
    inputs = [(row + [50256] * (longest - len(row)))[:-1] for row in rows]
    targets = [(row + [-100] * (longest - len(row)))[1:] for row in rows]
    return torch.tensor(inputs), torch.tensor(targets)


def repetition():
    if given.group == "train":
        inputs, targets = train_batch()
        started = time.perf_counter()
        loss = step(inputs, targets)
        return {"seconds": time.perf_counter() - started, "tokens": inputs.numel(), "loss": loss}
    started = time.perf_counter()
    order = torch.randperm(len(rows)).tolist()
    losses = [step(*collate([rows[i] for i in order[first : first + 8]])) for first in range(0, len(rows), 8)]
    return {"seconds": time.perf_counter() - started, "tokens": len(rows), "loss": sum(losses) / len(losses)}


rows = instruction_rows() if given.group == "finetune" else []
packages = ["torch"] + (["transformers"] if given.style == "transformers" else [])
name = {"eager": "PyTorch eager", "compiled": "PyTorch compiled", "book": "PyTorch as the book", "transformers": "transformers"}
autocast_too = " autocast bf16" if given.dtype == "bf16" else ""
contender.serve(name[given.style] + autocast_too, packages, repetition)
