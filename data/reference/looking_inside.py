"""What a small model of tiny_models.py passes through on a text, as transformers gives it out, and its logit lens."""

import torch
from common import ROOT, begin, show
from transformers import GPT2LMHeadModel

begin("looking_inside", program="transformers", atol=1e-6)
torch.set_num_threads(1)

model = GPT2LMHeadModel.from_pretrained(ROOT / "data/reference/tiny-models/tied", attn_implementation="eager").eval()
ids = torch.tensor([[47, 3, 44, 29, 10]])
with torch.no_grad():
    out = model(ids, output_attentions=True, output_hidden_states=True)
    # All but the last of the hidden states are the residual stream; the last has passed the final norm already.
    states = out.hidden_states[:-1]
    lens = [model.lm_head(model.transformer.ln_f(state)) for state in states] + [out.logits]
best = torch.cat(lens).softmax(-1).max(-1)

print("attention, shape", *torch.cat(out.attentions).shape)
print("block 2, head 1")
print(show(out.attentions[1][0, 0]))
print("the residual stream before block 1 and before block 2, four channels of each position")
print(show(torch.cat(states)[:, :, :4]))
print("the likeliest token after each position: at the embedding, after block 1, after block 2")
print(show(best.indices))
print("its probability")
print(show(best.values))
