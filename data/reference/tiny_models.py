"""Writes small random GPT-2 models by transformers, each with what transformers makes of them: logits, with and without
dropout, and a greedy text.

Weights are drawn far wider than a model starts from, biases and norms included, so that a tensor in the wrong place shows.
The files under `data/reference/tiny-models` are read by the tests of the crate `model`.
"""

import json
import shutil

import torch
import transformers
from common import ROOT
from safetensors.torch import load_file, save_file

OUT = ROOT / "data/reference/tiny-models"
torch.set_num_threads(1)


def build(seed, **sizes):
    config = transformers.GPT2Config(bos_token_id=None, eos_token_id=None, **sizes)
    config._attn_implementation = "eager"
    torch.manual_seed(seed)
    model = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(1.0 if "ln_" in name and name.endswith("weight") else 0.0, 0.2)
    return model


def numbers(logits):
    return [[[float(f"{score:.9g}") for score in row] for row in rows] for rows in logits.tolist()]


def write(name, seed, rename=None, dtype=None, extra=None, **sizes):
    """`rename` changes the stored names, `dtype` the stored numbers, `extra` what else the file holds."""
    folder = OUT / name
    model = build(seed, **sizes)
    if dtype:
        # What is stored is rounded; so are the weights that the expected logits come from.
        model = model.to(dtype).to(torch.float32)
    shutil.rmtree(folder, ignore_errors=True)
    (model.to(dtype) if dtype else model).save_pretrained(folder)
    model = model.to(torch.float32)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if rename or extra:
        weights = load_file(folder / "model.safetensors")
        weights = {(rename or str)(key): value for key, value in weights.items()} | (extra(model) if extra else {})
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    config = model.config
    ids = torch.randint(config.vocab_size, (2, config.n_positions))
    prompt = ids[0, :3].tolist()
    text = list(prompt)
    with torch.no_grad():
        logits = model(ids).logits
        while len(text) < config.n_positions:
            text.append(int(model(torch.tensor([text])).logits[0, -1].argmax()))
        # In training, dropout acts on the embedding, on the weights of attention, and where a half of a block ends.
        torch.manual_seed(5)
        train_logits = model.train()(ids).logits
    expected = {
        "made_by": f"torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}",
        "ids": ids.tolist(),
        "logits": numbers(logits),
        "train_logits_after_seed_5": numbers(train_logits),
        "greedy": text,
    }
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")


def bare(name):
    return name.removeprefix("transformer.")


def masks_and_head(model):
    """What the file of the published 124M model holds beside the weights, and a copy of the tied head."""
    context = model.config.n_positions
    mask = torch.ones(context, context).tril().view(1, 1, context, context)
    masks = {f"h.{layer}.attn.bias": mask.clone() for layer in range(model.config.n_layer)}
    return masks | {
        "h.0.attn.masked_bias": torch.tensor(-1e4),
        "lm_head.weight": model.transformer.wte.weight.detach().clone(),
    }


small = dict(vocab_size=61, n_positions=12, n_embd=16, n_layer=2, n_head=2)
write("tied", 1, **small)
other = small | dict(n_embd=24, n_head=3, n_layer=3, n_inner=40)
write("untied-exact-gelu", 2, **other, activation_function="gelu", tie_word_embeddings=False)
write("bare-names-masks", 3, rename=bare, extra=masks_and_head, **small, layer_norm_epsilon=1e-3)
write("one-wide-head", 4, **small | dict(n_head=1), activation_function="gelu_pytorch_tanh")
write("sixteen-narrow-heads", 5, **small | dict(n_head=16, n_layer=1))
write("half", 6, dtype=torch.float16, **small)
write("bfloat16", 7, dtype=torch.bfloat16, **small, tie_word_embeddings=False)
print(f"wrote {OUT.relative_to(ROOT)}")
