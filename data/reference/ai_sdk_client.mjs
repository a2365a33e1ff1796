// Asks `finetune serve` by Vercel's AI SDK, and prints what it got as JSON. Its packages lie where it is started from:
//
//     npm install --prefix .browser ai@7.0.173 @ai-sdk/openai-compatible@3.0.92
//     cd .browser && node --input-type=module - http://127.0.0.1:8000/v1 < ../data/reference/ai_sdk_client.mjs
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, Output, streamText } from "ai";

const baseURL = process.argv[2];
const { data } = await (await fetch(`${baseURL}/models`)).json();
const provider = createOpenAICompatible({ name: "ours", baseURL, includeUsage: true, supportsStructuredOutputs: true });
const asked = { model: provider(data[0].id), prompt: "Name a pet.", maxOutputTokens: 12, temperature: 1, topP: 0.9, seed: 7, maxRetries: 0 };

const whole = await generateText({ ...asked, providerOptions: { ours: { logprobs: true, top_logprobs: 3 } }, include: { responseBody: true } });
const stream = streamText(asked);
let parts = 0;
let streamed = "";
for await (const part of stream.textStream) [parts, streamed] = [parts + 1, streamed + part];
const stop = [...whole.text].slice(4, 7).join("");
const stopped = await generateText({ ...asked, stopSequences: [stop] });
const completion = await generateText({ ...asked, model: provider.completionModel(data[0].id) });

const age = { type: "integer", minimum: 10, maximum: 99 };
const schema = jsonSchema({ type: "object", properties: { age }, required: ["age"] });
const held = await generateText({ ...asked, output: Output.object({ schema }) });

const left = new AbortController();
const cut = streamText({ ...asked, maxOutputTokens: 4096, abortSignal: left.signal, onError: () => {} });
for await (const _ of cut.textStream) left.abort();

const refusal = await generateText({ ...asked, model: provider("no-such-model") }).catch((error) => `${error.statusCode}: ${error.message}`);

console.log(
  JSON.stringify({
    whole: whole.text,
    reason: whole.finishReason,
    tokens: whole.usage.outputTokens,
    alternatives: whole.response.body.choices[0].logprobs.content.map((token) => token.top_logprobs.length),
    streamed,
    parts,
    usage: (await stream.usage).outputTokens,
    stop,
    stopped: stopped.text,
    stopped_by: stopped.finishReason,
    completion: completion.text,
    age: held.output.age,
    refusal,
  }),
);
