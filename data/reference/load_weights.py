"""The logits and greedy tokens of the miniature `tiny-models/tied`, by transformers, which wrote it (tiny_models.py)."""

import torch
from transformers import GPT2LMHeadModel

from common import ROOT, begin, show

if __name__ == "__main__":
    begin("load_weights", program="transformers")
    torch.set_num_threads(1)
    model = GPT2LMHeadModel.from_pretrained(ROOT / "data" / "reference" / "tiny-models" / "tied").eval()
    config = model.config
    print(f"a miniature of {config.n_layer} blocks, {config.n_embd} channels, vocabulary {config.vocab_size}")
    ids = [3, 14, 15, 9, 2, 6]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
        print("logits after each of the ids 3 14 15 9 2 6, for the first five entries")
        print(show(logits[:, :5]))
        for _ in range(6):
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    print("six greedy tokens more:", *ids)
