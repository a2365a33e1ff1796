"""The published training runs in PyTorch: Raschka's (`book`), the articles' (`article`), and a small one for tests.

Written as those publications write them, with PyTorch's own layers, DataLoader, AdamW and cross_entropy. Prints a line for
each measurement and sample, as `cargo run -p train -- --protocol …` does:

    python data/reference/protocol.py book --text data/public/the-verdict.txt --threads 2
"""

import argparse
import sys
import time

import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from common import ROOT, gpt2_encoder
from gpt2 import Config, Gpt2, greedy

BOOK = dict(
    config=Config(context=256, gelu="tanh"),
    clean=False,
    training_share=0.9,
    epochs=10,
    eval_every=5,
    prompt="Every effort moves you",
    sample_tokens=50,
)
PROTOCOLS = {
    "book": BOOK,
    "article": BOOK
    | dict(
        config=Config(context=128),
        clean=True,
        training_share=0.8,
        eval_every=10,
        prompt="at the start of",
        sample_tokens=20,
    ),
    "small": BOOK
    | dict(
        config=Config(context=32, channels=64, heads=2, layers=2, gelu="tanh"),
        epochs=2,
        eval_every=8,
        prompt="Once there was",
        sample_tokens=12,
    ),
}


class Windows(Dataset):
    def __init__(self, ids, context):
        starts = range(0, len(ids) - context, context)
        self.inputs = [torch.tensor(ids[i : i + context]) for i in starts]
        self.targets = [torch.tensor(ids[i + 1 : i + context + 1]) for i in starts]

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, i):
        return self.inputs[i], self.targets[i]


def batch_loss(model, inputs, targets):
    return cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


@torch.no_grad()
def measure(model, loader, most):
    batches = min(most, len(loader))
    total = 0.0
    for i, (inputs, targets) in enumerate(loader):
        if i == batches:
            break
        total += batch_loss(model, inputs, targets).item()
    return total / batches


def run(
    text, config, clean, training_share, epochs, eval_every, prompt, sample_tokens, eval_with_dropout=False, digits=3
):
    """Yields the lines of the log."""
    if clean:
        text = "\n".join(line.strip() for line in text.split("\n") if line.strip())
    cut = int(len(text) * training_share)
    encoder = gpt2_encoder()
    encode = encoder.encode_ordinary
    training = DataLoader(Windows(encode(text[:cut]), config.context), batch_size=2, shuffle=True, drop_last=True)
    validation = DataLoader(Windows(encode(text[cut:]), config.context), batch_size=2)

    torch.manual_seed(123)
    model = Gpt2(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-4, weight_decay=0.1)
    step = -1
    for epoch in range(1, epochs + 1):
        model.train()
        for inputs, targets in training:
            optimizer.zero_grad()
            batch_loss(model, inputs, targets).backward()
            optimizer.step()
            step += 1
            if step % eval_every == 0:
                model.train(eval_with_dropout)
                losses = measure(model, training, 5), measure(model, validation, 5)
                model.train()
                yield f"epoch {epoch} step {step} training {losses[0]:.{digits}f} validation {losses[1]:.{digits}f}"
        model.eval()
        sample = encoder.decode(greedy(model, encode(prompt), sample_tokens)).replace("\n", " ")
        yield f"epoch {epoch} sample: {sample}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("protocol", choices=PROTOCOLS)
    parser.add_argument("--text", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--eval-with-dropout", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = PROTOCOLS[arguments.protocol]
    if arguments.epochs:
        settings = settings | dict(epochs=arguments.epochs)
    text = (ROOT / arguments.text).read_bytes().decode("utf-8")
    start = time.perf_counter()
    for line in run(text, eval_with_dropout=arguments.eval_with_dropout, **settings):
        print(line, flush=True)
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
