"""What transformers makes of a folder that `finetune export` has written, as JSON: versions, ids, logits of the last position, greedy text.

    python data/reference/interchange.py FOLDER "At the end of the"
"""

import json
import sys
from importlib.metadata import version

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

if __name__ == "__main__":
    folder, text = sys.argv[1:]
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        logits = model(ids).logits[0, -1]
        written = model.generate(ids, max_new_tokens=12, do_sample=False)
    chat = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Say hello."}], tokenize=False, add_generation_prompt=True
    )
    print(
        json.dumps(
            {
                "versions": {name: version(name) for name in ["torch", "transformers", "safetensors"]},
                "ids": ids[0].tolist(),
                "logits": logits.tolist(),
                "greedy": written[0].tolist(),
                "text": tokenizer.decode(written[0]),
                "chat": chat,
            }
        )
    )
