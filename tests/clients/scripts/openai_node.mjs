// openai-node, as its users call it.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import OpenAI from "openai";
import { VERSION } from "openai/version";

const [mode, url, folder] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "not-needed" });
const speech = client.audio.speech;

const keep = async (name, answer) => writeFile(path.join(folder, name), Buffer.from(await answer.arrayBuffer()));

async function refused(call) {
  try {
    await call();
  } catch (error) {
    const { status, code, param, type, requestID } = error;
    const retryAfter = error.headers?.get("retry-after") ?? null;
    return { class: error.constructor.name, status, code, param, type, request_id: requestID, retry_after: retryAfter };
  }
  return { class: "none" };
}

async function say() {
  const plain = { model: "tts-1", voice: "alloy", input: "Plain." };
  await keep("plain.mp3", await speech.create(plain));
  await keep("plain.pcm", await speech.create({ ...plain, response_format: "pcm" }));

  const streamed = { model: "tts-1-hd", voice: "onyx", input: "Streamed. In two.", response_format: "pcm", speed: 1.5 };
  const pieces = [];
  for await (const piece of (await speech.create(streamed)).body) pieces.push(piece);
  await writeFile(path.join(folder, "streamed.pcm"), Buffer.concat(pieces));

  const raw = { model: "kokoro", voice: { id: "af_bella" }, input: "Raw.", response_format: "pcm" };
  const { data, response, request_id } = await speech.create(raw).withResponse();
  await keep("raw.pcm", data);

  const asked = { model: "gpt-4o-mini-tts", voice: "marin", input: "Events.", instructions: "Cheerfully." };
  const events = await speech.create({ ...asked, response_format: "pcm", stream_format: "sse" });

  const models = [];
  for await (const model of client.models.list()) models.push(model.id);
  return {
    version: VERSION,
    raw_headers: { "x-request-id": request_id, "openai-processing-ms": response.headers.get("openai-processing-ms") },
    raw_type: response.headers.get("content-type"),
    event_lines: (await events.text()).split("\n").filter(Boolean),
    models,
    model: (await client.models.retrieve("tts-1")).id,
    unknown_voice: await refused(() => speech.create({ ...plain, voice: "nobody", input: "Refused." })),
    unknown_model: await refused(() => speech.create({ ...plain, model: "whisper-1", input: "Refused." })),
    empty: await refused(() => speech.create({ ...plain, input: "" })),
  };
}

async function leave() {
  const input = await readFile(path.join(folder, "long.txt"), "utf8");
  const long = { model: "tts-1", voice: "alloy", input, response_format: "pcm" };
  const leaving = new AbortController();
  const answer = await speech.create(long, { signal: leaving.signal });
  const { value } = await answer.body.getReader().read();
  leaving.abort();
  const late = await refused(() => speech.create({ ...long, stream: false }, { timeout: 1000, maxRetries: 0 }));
  return { heard: value.length, timeout: late.class };
}

async function wait() {
  const ask = { model: "tts-1", voice: "alloy", input: "Patience.", response_format: "pcm" };
  const busy = await refused(() => speech.create({ ...ask, input: "No patience." }, { maxRetries: 0 }));
  await keep("waited.pcm", await speech.create(ask, { maxRetries: 20 }));
  return { busy };
}

console.log(JSON.stringify(await { say, leave, wait }[mode]()));
