/** A short sentence in a voice, to choose by ear. */

import { fetchFile } from "./api.js";
import { nameOf } from "./mixer.js";

/** By first letter of the voice's name; names are left out where they would be read as foreign words. */
const SENTENCES = {
  a: (name) => `Hi, I'm ${name}. This is what I sound like.`,
  b: (name) => `Hello, I'm ${name}. This is what I sound like.`,
  e: (name) => `Hola, soy ${name}. Así suena mi voz.`,
  f: (name) => `Bonjour, je suis ${name}. Voici ma voix.`,
  h: () => "नमस्ते, यह मेरी आवाज़ है।",
  i: (name) => `Ciao, sono ${name}. Questa è la mia voce.`,
  j: () => "こんにちは。これが私の声です。",
  p: (name) => `Olá, eu sou ${name}. Esta é a minha voz.`,
  z: () => "你好，这是我的声音。",
};

/** Tells "change" when another voice is heard, or none. */
export class Sampler extends EventTarget {
  /** @type {string | null} the voice that is heard, or about to be */
  voice = null;
  #context = null;
  #node = null;
  #abort = new AbortController();
  /** @type {Map<string, AudioBuffer>} */
  #heard = new Map();

  /** Say the sample of a voice. Call it in a click. Raises ApiError. @param {string} voice */
  async play(voice) {
    this.stop();
    this.#context ??= new AudioContext();
    this.#context.resume(); // here and not once the sound is there: that would be too late for Safari
    this.#turn(voice);
    const abort = (this.#abort = new AbortController());
    try {
      const buffer = this.#heard.get(voice) ?? (await this.#fetch(voice, abort.signal));
      if (!abort.signal.aborted) this.#start(buffer);
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#turn(null);
      throw error;
    }
  }

  stop() {
    this.#abort.abort();
    this.#node?.stop();
    this.#node = null;
    if (this.voice) this.#turn(null);
  }

  async #fetch(voice, signal) {
    const sentence = (SENTENCES[voice[0]] ?? SENTENCES.a)(nameOf(voice));
    const body = { model: "kokoro", input: sentence, voice, response_format: "wav", stream: false };
    const file = await fetchFile("v1/audio/speech", body, signal);
    const buffer = await this.#context.decodeAudioData(await file.arrayBuffer());
    this.#heard.set(voice, buffer);
    return buffer;
  }

  #start(buffer) {
    const node = new AudioBufferSourceNode(this.#context, { buffer });
    node.onended = () => node === this.#node && this.stop();
    node.connect(this.#context.destination);
    node.start();
    this.#node = node;
  }

  #turn(voice) {
    this.voice = voice;
    this.dispatchEvent(new Event("change"));
  }
}
