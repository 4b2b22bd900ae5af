/** What the page asks of the server: voices, speech with word times, files. */

import { apiKey } from "./key.js";
import { lines, pcmOf } from "./stream.js";

/**
 * @typedef {{start: number, end: number, from: number, to: number}} Word heard from `start` to `end` (s), written at
 *   `from`…`to` (code points of the text)
 * @typedef {{pcm: Int16Array, words: Word[]}} Piece speech at 24 kHz, in order
 */

/** An answer other than the one wanted, in words for people; `retryAfterS` where the server says when to come back. */
export class ApiError extends Error {
  /** @param {string} message @param {{status?: number, code?: string, retryAfterS?: number | null}} [about] */
  constructor(message, { status = 0, code = "", retryAfterS = null } = {}) {
    super(message);
    Object.assign(this, { status, code, retryAfterS });
  }

  /** Whether the same request may be taken another time. */
  get mayPass() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

// Relative to the page, so that it works behind a proxy's sub-path.
const at = (path) => new URL(`../${path}`, document.baseURI);

/** @returns {Promise<{voices: {id: string, language: string | null, gender: string | null}[], default_voice?: string}>} */
export async function fetchVoices() {
  return (await send("v1/audio/voices")).json();
}

/** A finished file; `onBytes` hears how much is here. */
export async function fetchFile(path, body, signal, onBytes = () => {}) {
  const answer = await send(path, body, signal);
  const parts = [];
  let bytes = 0;
  for await (const part of unbroken(chunks(answer.body))) {
    parts.push(part);
    onBytes((bytes += part.length));
  }
  return new Blob(parts, { type: answer.headers.get("content-type") ?? "" });
}

/** Speech as it is made. @returns {AsyncGenerator<Piece>} */
export async function* speak(body, signal) {
  const answer = await send("v1/audio/captioned_speech", { ...body, response_format: "pcm", stream: true }, signal);
  for await (const line of unbroken(lines(answer.body))) {
    const piece = JSON.parse(line);
    if (piece.error) throw new ApiError(piece.error.message, { code: piece.error.code });
    const words = (piece.timestamps ?? []).map(wordOf);
    yield { pcm: pcmOf(piece.audio), words };
  }
}

const wordOf = (stamp) => ({
  start: stamp.start_time,
  end: stamp.end_time,
  from: stamp.char_start,
  to: stamp.char_end,
});

async function send(path, body, signal) {
  const { headers } = apiKey;
  const options = body
    ? { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) }
    : { headers };
  let answer;
  try {
    answer = await fetch(at(path), { ...options, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("The server cannot be reached. Is it running?");
  }
  if (answer.status === 401) {
    apiKey.refused();
    if (!headers.authorization) throw new ApiError("This server wants an API key. Enter yours above the voices.", { status: 401 });
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

async function refusal(answer) {
  const about = { status: answer.status, retryAfterS: retryAfterS(answer.headers.get("retry-after")) };
  try {
    const { error } = await answer.json();
    return new ApiError(error.message, { ...about, code: error.code });
  } catch {
    // A proxy's page, not our server's words.
    return new ApiError(`The server answered with HTTP ${answer.status}.`, about);
  }
}

/** Retry-After is seconds or a date. */
function retryAfterS(header) {
  if (!header) return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return seconds;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, (date - Date.now()) / 1000);
}

/** A body that ends early fails with words of each browser's own; say it in ours. */
async function* unbroken(source) {
  try {
    yield* source;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The connection broke before the end.", { code: "connection_broken" });
  }
}

/** Safari's streams are not async iterable. */
async function* chunks(body) {
  const reader = body.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    reader.releaseLock();
  }
}
