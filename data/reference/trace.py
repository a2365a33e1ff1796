"""What transformers passes through on the first text of each small model of tiny_models.py: attention weights, hidden states, and the
ten likeliest tokens where the head reads each hidden state (the logit lens).

    python data/reference/trace.py > data/reference/trace.json
"""

import json

import torch
import transformers
from common import ROOT

MODELS = ROOT / "data/reference/tiny-models"
torch.set_num_threads(1)


def numbers(tensor):
    if tensor.dim() == 0:
        return float(f"{tensor.item():.9g}")
    return [numbers(part) for part in tensor]


def trace(folder):
    model = transformers.GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    ids = json.loads((folder / "expected.json").read_text())["ids"][0]
    with torch.no_grad():
        out = model(torch.tensor([ids]), output_attentions=True, output_hidden_states=True)
        # The last of the hidden states has passed the final norm already, the others have not.
        normed = [model.transformer.ln_f(state) for state in out.hidden_states[:-1]] + [out.hidden_states[-1]]
        lens = torch.cat([model.lm_head(state) for state in normed]).softmax(-1).topk(10)
    return {
        "model": folder.name,
        "ids": ids,
        "attention": numbers(torch.cat(out.attentions)),
        "hidden": numbers(torch.cat(out.hidden_states)),
        "lens_ids": lens.indices.tolist(),
        "lens_probabilities": numbers(lens.values),
    }


print(
    json.dumps(
        {
            "made_by": f"torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}: data/reference/trace.py",
            "cases": [trace(folder) for folder in sorted(MODELS.iterdir())],
        }
    )
)
