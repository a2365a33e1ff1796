"""What the model reads, what it should answer, and what the untrained 124M model answers."""

import torch
from common import begin, chapter_text, gpt2_encoder, show
from gpt2 import ARTICLE, Gpt2

encoder = gpt2_encoder()


def print_ids(title, ids):
    print(title)
    print(show(ids))
    for row in ids.tolist():
        print("|" + encoder.decode(row).replace("\n", "\\n") + "|")


file, text = chapter_text(4)
begin("training_targets")
print("text", file)
ids = encoder.encode_ordinary(text)
starts = range(len(ids) - 4)
print(len(starts), "windows of 4 tokens")
inputs = torch.tensor([ids[i : i + 4] for i in starts[:2]])
targets = torch.tensor([ids[i + 1 : i + 5] for i in starts[:2]])
print_ids("inputs", inputs)
print_ids("targets", targets)

torch.manual_seed(123)
model = Gpt2(ARTICLE).eval()
with torch.no_grad():
    probabilities = model(inputs).softmax(-1)
print("probabilities, shape", *probabilities.shape)
highest, answers = probabilities.max(-1)
print_ids("most probable next tokens of the untrained model", answers)
entries = probabilities.shape[-1]
print(f"how often as probable as if all {entries} entries were alike")
print(show(highest * entries))
