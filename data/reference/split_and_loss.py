"""A text cut in two, and the loss of the untrained 124M model on each part."""

import torch
from common import begin, chapter_text, gpt2_encoder
from gpt2 import ARTICLE, Gpt2
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

encoder = gpt2_encoder()


def loader(name, text, **settings):
    ids = encoder.encode_ordinary(text)
    context = ARTICLE.context
    starts = range(0, len(ids) - context, context)
    windows = TensorDataset(
        torch.tensor([ids[i : i + context] for i in starts]),
        torch.tensor([ids[i + 1 : i + context + 1] for i in starts]),
    )
    made = DataLoader(windows, batch_size=2, **settings)
    print(f"{name}: characters {len(text)} tokens {len(ids)} windows {len(windows)} batches {len(made)}")
    return made


@torch.no_grad()
def mean_loss(model, batches):
    losses = [cross_entropy(model(inputs).flatten(0, 1), targets.flatten()).item() for inputs, targets in batches]
    return sum(losses) / len(losses)


file, text = chapter_text(4)
begin("split_and_loss")
print("text", file)
cleaned = "\n".join(line.strip() for line in text.split("\n") if line.strip())
print("characters", len(text), "cleaned", len(cleaned))
cut = int(len(cleaned) * 0.8)
training = loader("training", cleaned[:cut], shuffle=True, drop_last=True)
validation = loader("validation", cleaned[cut:])

torch.manual_seed(123)
model = Gpt2(ARTICLE).eval()
torch.manual_seed(123)
print(f"training loss {mean_loss(model, training):.4f}")
print(f"validation loss {mean_loss(model, validation):.4f}")
