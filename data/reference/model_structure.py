"""Every parameter of the 124M model as transformers names and shapes it, and where ours comes from."""

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from common import begin


def sizes(shape):
    return "x".join(str(size) for size in shape)


# transformers' name inside a block -> our names, in our order of construction.
PARTS = [
    ("attn.c_attn", ["attention.query", "attention.key", "attention.value"]),
    ("attn.c_proj", ["attention.output"]),
    ("mlp.c_fc", ["feed_forward.up"]),
    ("mlp.c_proj", ["feed_forward.down"]),
    ("ln_1", ["norm1"]),
    ("ln_2", ["norm2"]),
]


def lines(state, layers):
    def line(ours, shape, public, what):
        yield f"{ours} {sizes(shape)} from {public} {sizes(state[public].shape)} {what}"

    yield from line("token.weight", state["wte.weight"].shape, "wte.weight", "as it is")
    yield from line("position.weight", state["wpe.weight"].shape, "wpe.weight", "as it is")
    for layer in range(layers):
        for public, ours in PARTS:
            for part, name in enumerate(ours):
                for kind in ["weight", "bias"]:
                    full = f"h.{layer}.{public}.{kind}"
                    *rows, columns = state[full].shape
                    width = columns // len(ours)
                    what = []
                    if len(ours) == 3:
                        what.append(f"columns {part * width} to {(part + 1) * width - 1}")
                    if rows:
                        what.append("transposed")
                    shape = [width, *rows]
                    yield from line(f"blocks.{layer}.{name}.{kind}", shape, full, ", ".join(what) or "as it is")
    for kind in ["weight", "bias"]:
        yield from line(f"norm.{kind}", state[f"ln_f.{kind}"].shape, f"ln_f.{kind}", "as it is")


if __name__ == "__main__":
    begin("model_structure", program="transformers")
    with torch.device("meta"):
        model = GPT2LMHeadModel(GPT2Config())
    assert model.lm_head.weight is model.transformer.wte.weight
    printed = list(lines(model.transformer.state_dict(), model.config.n_layer))
    print("our parameter, its shape; the public tensor, its shape; what happens on the way")
    print("\n".join(printed))
    print("the output head reads token.weight: tied, and not stored")
    print(f"{model.num_parameters()} parameters in {len(printed)} tensors of ours")
