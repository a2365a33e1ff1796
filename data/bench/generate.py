"""Reading a prompt and writing after it, by transformers (`--style transformers`) or CTranslate2 (`--style ctranslate2`).

prefill: the time from a prompt of ids to the most probable next id. decode: the time of each further token, the prompt and
the first token read outside the clock.
"""

import time

import contender

given = contender.options()
prompt = contender.ids(given.prompt)


def transformers_repetition():
    import torch
    from transformers import GPT2LMHeadModel

    torch.set_num_threads(given.threads)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[given.dtype]
    model = GPT2LMHeadModel.from_pretrained(given.model, dtype=dtype).eval()

    @torch.inference_mode()
    def read(ids, cache=None):
        answer = model(torch.tensor([ids]), past_key_values=cache, use_cache=True, logits_to_keep=1)
        return answer.logits[0, -1].argmax().item(), answer.past_key_values

    def repetition():
        started = time.perf_counter()
        token, cache = read(prompt)
        if given.group == "prefill":
            return {"seconds": time.perf_counter() - started, "tokens": len(prompt)}
        started = time.perf_counter()
        for _ in range(given.new):
            token, cache = read([token], cache)
        return {"seconds": time.perf_counter() - started, "tokens": given.new}

    return repetition


def ctranslate2_repetition():
    try:
        import ctranslate2
    except ImportError as error:
        contender.absent(f"CTranslate2 cannot be imported ({error})")
    import json

    compute = {"f32": "float32", "bf16": "bfloat16", "int8": "int8"}[given.dtype]
    folder = given.model.with_name(f"{given.model.name}-ctranslate2-{compute}")
    if not folder.is_dir():
        convert(given.model, folder, compute)
    generator = ctranslate2.Generator(str(folder), compute_type=compute, intra_threads=given.threads, inter_threads=1)
    tokens = [str(id) for id in prompt]

    def repetition():
        arrivals = []
        new = 1 if given.group == "prefill" else given.new + 1
        started = time.perf_counter()
        generator.generate_batch(
            [tokens],
            max_length=new,
            min_length=new,
            include_prompt_in_result=False,
            callback=lambda step: arrivals.append(time.perf_counter()) and False,
        )
        assert len(arrivals) == new, f"{len(arrivals)} tokens came instead of {new}"
        if given.group == "prefill":
            return {"seconds": arrivals[0] - started, "tokens": len(prompt)}
        return {"seconds": arrivals[-1] - arrivals[0], "tokens": given.new}

    return repetition


def convert(model, folder, compute):
    """Converts by CTranslate2's own description of GPT-2; its vocabulary is the ids as words, since no text is read."""
    import json

    from ctranslate2.specs import common_spec, transformer_spec
    from safetensors.numpy import load_file

    config = json.loads((model / "config.json").read_text())
    stored = {name.removeprefix("transformer."): array for name, array in load_file(model / "model.safetensors").items()}
    spec = transformer_spec.TransformerDecoderModelSpec.from_config(
        config["n_layer"], config["n_head"], pre_norm=True, activation=common_spec.Activation.GELUTanh
    )
    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = decoder.projection.weight = stored["wte.weight"]
    decoder.position_encodings.encodings = stored["wpe.weight"]

    def norm(layer, name):
        layer.gamma, layer.beta = stored[f"{name}.weight"], stored[f"{name}.bias"]

    def linear(layer, name):
        layer.weight, layer.bias = stored[f"{name}.weight"].T.copy(), stored[f"{name}.bias"]

    norm(decoder.layer_norm, "ln_f")
    for i, layer in enumerate(decoder.layer):
        norm(layer.self_attention.layer_norm, f"h.{i}.ln_1")
        linear(layer.self_attention.linear[0], f"h.{i}.attn.c_attn")
        linear(layer.self_attention.linear[1], f"h.{i}.attn.c_proj")
        norm(layer.ffn.layer_norm, f"h.{i}.ln_2")
        linear(layer.ffn.linear_0, f"h.{i}.mlp.c_fc")
        linear(layer.ffn.linear_1, f"h.{i}.mlp.c_proj")
    spec.register_vocabulary([str(id) for id in range(contender.VOCABULARY)])
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = "50256"
    spec.validate()
    spec.optimize(quantization=compute)
    unfinished = folder.with_name(folder.name + ".part")
    unfinished.mkdir(exist_ok=True)
    spec.save(str(unfinished))
    unfinished.rename(folder)


if given.style == "transformers":
    contender.serve(f"transformers {given.dtype}", ["transformers", "torch"], transformers_repetition())
else:
    contender.serve(f"CTranslate2 {given.dtype}", ["ctranslate2"], ctranslate2_repetition())
