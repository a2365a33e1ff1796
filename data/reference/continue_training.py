"""Goes on training an exported folder with transformers on several processes, and writes it back in the same format.

    torchrun --nproc-per-node 2 data/reference/continue_training.py FOLDER TEXT OUT [STEPS]

Each process reads its own windows of the text; gradients are averaged over gloo. Prints the loss on the last windows of the
text before and after as JSON. `train --init OUT` and `finetune --weights OUT` take the result.
"""

import json
import sys
from importlib.metadata import version

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from transformers import AutoModelForCausalLM, AutoTokenizer

if __name__ == "__main__":
    folder, text, out = sys.argv[1:4]
    steps = int(sys.argv[4]) if len(sys.argv) > 4 else 20
    torch.set_num_threads(1)
    torch.manual_seed(123)
    dist.init_process_group("gloo")
    rank, processes = dist.get_rank(), dist.get_world_size()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    ids = tokenizer(open(text, encoding="utf-8").read(), return_tensors="pt").input_ids[0]
    context = model.config.n_positions
    windows = ids[: len(ids) // context * context].view(-1, context)
    training, validation = windows[: -len(windows) // 5], windows[-len(windows) // 5 :]

    @torch.no_grad()
    def measure():
        model.eval()
        loss = model(validation, labels=validation).loss.item()
        model.train()
        return loss

    before = measure()
    parallel = DistributedDataParallel(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    for step in range(steps):
        start = (step * processes + rank) * 4
        batch = training[[i % len(training) for i in range(start, start + 4)]]
        optimizer.zero_grad()
        parallel(input_ids=batch, labels=batch).loss.backward()
        optimizer.step()
    after = measure()
    if rank == 0:
        model.save_pretrained(out)
        tokenizer.save_pretrained(out)
        versions = {name: version(name) for name in ["torch", "transformers"]}
        print(json.dumps({"versions": versions, "processes": processes, "before": before, "after": after}))
    dist.barrier()
    dist.destroy_process_group()
