"""What a language model learns from a text: after these tokens comes that one."""

from common import begin, chapter_text, gpt2_encoder

begin("next_token_pairs", "tiktoken")
file, text = chapter_text(1)
encoder = gpt2_encoder()


def visible(ids):
    return encoder.decode(ids).replace(" ", "·").replace("\n", "↵")


print("text", file)
ids = encoder.encode_ordinary(text)
print("tokens", len(ids))
print("first 15 ids:", *ids[:15])
print("as pieces:", *(visible([id]) for id in ids[:15]))
print("context -> next token")
for length in range(1, 6):
    print(*ids[:length], "->", ids[length])
for length in range(1, 6):
    print(visible(ids[:length]), "->", visible([ids[length]]))
