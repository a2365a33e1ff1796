"""What transformers makes of the tokenizer in a folder, as JSON: the ids of each text of a JSON list, first by tokenizer.json, then by
vocab.json and merges.txt alone.

    python data/reference/own_tokenizer.py FOLDER TEXTS.json
"""

import json
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from transformers import AutoTokenizer


def encode(folder, texts):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = [tokenizer(text)["input_ids"] for text in texts]
    return {
        "ids": ids,
        "texts": [tokenizer.decode(row, clean_up_tokenization_spaces=False) for row in ids],
        "end": tokenizer.eos_token_id,
        "size": len(tokenizer),
    }


if __name__ == "__main__":
    folder, path = sys.argv[1:]
    texts = json.loads(Path(path).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as old:
        for name in ["vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"]:
            shutil.copy(Path(folder, name), old)
        both = [encode(folder, texts), encode(old, texts)]
    print(json.dumps({"versions": {name: version(name) for name in ["transformers", "tokenizers"]}, "both": both}))
