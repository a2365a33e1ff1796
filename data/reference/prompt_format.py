"""The prompt of the first entry without an input and of the first with one, from the embedded instructions."""

import json

from common import ROOT, begin

PREAMBLE = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request."
)

if __name__ == "__main__":
    begin("prompt_format", program="Python")
    entries = json.loads((ROOT / "data" / "instructions.json").read_text())
    for title, wanted in [("without an input", False), ("with an input", True)]:
        entry = next(entry for entry in entries if bool(entry["input"]) == wanted)
        sections = [PREAMBLE, "### Instruction:\n" + entry["instruction"]]
        if wanted:
            sections.append("### Input:\n" + entry["input"])
        print(f"--- {title}, up to where the model answers")
        print("\n\n".join(sections + ["### Response:\n"]))
        print("--- the answer it should give")
        print(entry["output"])
