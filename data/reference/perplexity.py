"""The mean loss of a text by sliding windows, as transformers' page on perplexity describes them, for the small models of tiny_models.py:
`perplexity.json`, read by a test of the crate `train`.

Beside that page, a window counts with all of its targets, not with one fewer.
"""

import json

import torch
from common import ROOT
from transformers import GPT2LMHeadModel

torch.set_num_threads(1)
MODELS = ROOT / "data/reference/tiny-models"


def mean_loss(model, ids, stride):
    context, known, total = model.config.n_positions, 1, 0.0
    for begin in range(0, len(ids), stride):
        end = min(begin + context, len(ids))
        labels = ids[begin:end].clone()
        labels[: known - begin] = -100
        with torch.no_grad():
            loss = model(ids[begin:end].unsqueeze(0), labels=labels.unsqueeze(0)).loss
        total += float(loss) * (end - known)
        known = end
        if end == len(ids):
            break
    return total / (len(ids) - 1)


if __name__ == "__main__":
    cases = []
    for name in ["tied", "untied-exact-gelu"]:
        model = GPT2LMHeadModel.from_pretrained(MODELS / name, attn_implementation="eager").eval()
        context, v = model.config.n_positions, model.config.vocab_size
        for length, stride in [(2, 1), (context, 1), (5 * context + 1, context // 2), (3 * context, context - 1)]:
            ids = torch.tensor([(7 * i * i + 3 * i + 1) % v for i in range(length)])
            loss = mean_loss(model, ids, stride)
            cases.append({"model": name, "ids": ids.tolist(), "stride": stride, "loss": round(loss, 7)})
    path = ROOT / "data/reference/perplexity.json"
    path.write_text(json.dumps(cases, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"wrote {path}: {len(cases)} cases")
