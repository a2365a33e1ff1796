"""A small GPT-2 with a vocabulary of its own, trained on a short story until it knows it by heart."""

import math
from collections import Counter

import regex
import torch
from common import ROOT, begin, gpt2_encoder
from gpt2 import Config, Gpt2, greedy
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

CONFIG = Config(vocab_size=512, context=64, channels=64, heads=2, layers=2, gelu="tanh")
EPOCHS, BATCH_SIZE = 20, 4
PEAK, FLOOR, WARMUP = 6e-3, 6e-4, 12
PROMPT = "Once there was a very small"


class BytePairs:
    """The 256 bytes and the most frequent pairs of a text; of pairs as frequent, the one with the lower numbers."""

    def __init__(self, text, merges):
        self.numbers = {bytes([byte]): byte for byte in range(256)}
        words = Counter(tuple(bytes([byte]) for byte in word.encode()) for word in self.split(text))
        for number in range(256, 256 + merges):
            counts = Counter()
            for word, times in words.items():
                for pair in zip(word, word[1:]):
                    counts[pair] += times
            best = min(counts, key=lambda pair: (-counts[pair], self.numbers[pair[0]], self.numbers[pair[1]]))
            words = Counter({tuple(self.joined(word, best)): times for word, times in words.items()})
            self.numbers[best[0] + best[1]] = number
        self.pieces = {number: piece for piece, number in self.numbers.items()}

    @staticmethod
    def split(text):
        return regex.findall(PATTERN, text)

    @staticmethod
    def joined(parts, pair):
        result = []
        for part in parts:
            if result and (result[-1], part) == pair:
                result[-1] += part
            else:
                result.append(part)
        return result

    def encode(self, text):
        ids = []
        for word in self.split(text):
            parts = [bytes([byte]) for byte in word.encode()]
            while known := [pair for pair in zip(parts, parts[1:]) if b"".join(pair) in self.numbers]:
                parts = self.joined(parts, min(known, key=lambda pair: self.numbers[b"".join(pair)]))
            ids += [self.numbers[part] for part in parts]
        return ids

    def decode(self, ids):
        return b"".join(self.pieces[id] for id in ids).decode(errors="replace")


def windows(ids):
    starts = range(0, len(ids) - CONFIG.context, CONFIG.context)
    return TensorDataset(
        torch.tensor([ids[i : i + CONFIG.context] for i in starts]),
        torch.tensor([ids[i + 1 : i + CONFIG.context + 1] for i in starts]),
    )


def batch_loss(model, inputs, targets):
    return cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


@torch.no_grad()
def mean_loss(model, data):
    losses = [batch_loss(model, *batch).item() for batch in DataLoader(data, batch_size=BATCH_SIZE)]
    return sum(losses) / len(losses)


def rate(step, steps):
    if step < WARMUP:
        return PEAK * (step + 1) / WARMUP
    progress = min((step - WARMUP) / (steps - WARMUP), 1.0)
    return FLOOR + (PEAK - FLOOR) * ((1.0 + math.cos(math.pi * progress)) / 2)


# A hundredth of a percent may be lost on another processor.
begin("tiny_training", rtol=1e-3)
PATTERN = gpt2_encoder()._pat_str
text = " ".join((ROOT / "data" / "story.txt").read_text(encoding="utf-8").split())
encoder = BytePairs(text, 256)
cut = int(len(text) * 0.9)
training, validation = (encoder.encode(part) for part in (text[:cut], text[cut:]))
print("text data/story.txt")
print("tokens for training", len(training), "for validation", len(validation))
training, validation = windows(training), windows(validation)
print("windows for training", len(training), "for validation", len(validation))

torch.manual_seed(123)
model = Gpt2(CONFIG)
loader = DataLoader(training, batch_size=BATCH_SIZE, shuffle=True, drop_last=True)
steps = EPOCHS * len(loader)
print("parameters", sum(parameter.numel() for parameter in model.parameters()), "steps", steps)
optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1)
step, losses = 0, []
for epoch in range(EPOCHS + 1):
    if epoch > 0:
        model.train()
        for batch in loader:
            optimizer.zero_grad()
            batch_loss(model, *batch).backward()
            optimizer.param_groups[0]["lr"] = rate(step, steps)
            optimizer.step()
            step += 1
    model.eval()
    losses.append((mean_loss(model, training), mean_loss(model, validation)))
    tokens = step * BATCH_SIZE * CONFIG.context
    print(f"epoch {epoch} tokens {tokens} training {losses[-1][0]:.4f} validation {losses[-1][1]:.4f}")
    if epoch > 0:
        print("  " + encoder.decode(greedy(model, encoder.encode(PROMPT), 24)))

best = min(range(EPOCHS + 1), key=lambda epoch: losses[epoch][1])
print("training loss below 0.5:", str(losses[-1][0] < 0.5).lower())
print("validation loss is lowest after epoch", best, f"{losses[best][1]:.4f}")
print("and higher by half a nat at the end:", str(losses[-1][1] > losses[best][1] + 0.5).lower())
