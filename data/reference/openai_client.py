"""Asks `finetune serve` by the Python client that OpenAI publishes, and prints what it got as JSON.

    python3 -m venv .venv-openai && .venv-openai/bin/pip install openai==3.57.0
    .venv-openai/bin/python data/reference/openai_client.py http://127.0.0.1:8000/v1
"""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)
model = client.models.list().data[0].id
asked = {"model": model, "prompt": "Once upon", "max_tokens": 12, "temperature": 1, "top_p": 0.9, "seed": 7}
whole = client.completions.create(**asked, logprobs=2)
parts = [part.choices[0] for part in client.completions.create(**asked, stream=True)]
talk = {"model": model, "messages": [{"role": "user", "content": "Name a pet."}], "max_tokens": 12, "temperature": 0}
chat = client.chat.completions.create(**talk, logprobs=True, top_logprobs=3)
stream = list(client.chat.completions.create(**talk, stream=True, stream_options={"include_usage": True}))
number = {"type": "integer", "minimum": 10, "maximum": 99}
schema = {"type": "object", "properties": {"age": number}, "required": ["age"]}
form = {"type": "json_schema", "json_schema": {"name": "age", "schema": schema}}
held = client.chat.completions.create(**talk | {"temperature": 1}, response_format=form)
try:
    client.completions.create(model="no-such-model", prompt="a")
    refusal = None
except openai.NotFoundError as error:
    refusal = error.body["message"]
print(
    json.dumps(
        {
            "version": openai.__version__,
            "whole": whole.choices[0].text,
            "tokens": len(whole.choices[0].logprobs.tokens),
            "parts": "".join(part.text for part in parts),
            "reason": parts[-1].finish_reason,
            "chat": chat.choices[0].message.content,
            "alternatives": [len(token.top_logprobs) for token in chat.choices[0].logprobs.content],
            "chat_parts": "".join(part.choices[0].delta.content or "" for part in stream if part.choices),
            "usage": stream[-1].usage.total_tokens == chat.usage.total_tokens,
            "age": json.loads(held.choices[0].message.content)["age"],
            "refusal": refusal,
        }
    )
)
