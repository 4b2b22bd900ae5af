/** One text being spoken: from the request to what is heard and seen of it. */

import { speak } from "./api.js";
import { TAGS } from "./editor.js";
import { aliasesOf } from "./cast.js";
import { expressionOf } from "./mixer.js";
import { Peaks } from "./pcm.js";

const CHARS_PER_S = 14; // until the first words tell better

/** What is asked of the API for this text with these settings. @param {import("./settings.js").Settings} settings */
export function requestOf(text, settings) {
  const [mix, readAs] = [settings.get("mix"), settings.get("readAs")];
  const body = { model: "kokoro", input: text, speed: settings.get("speed"), volume_multiplier: settings.get("loudness") };
  if (mix.length) body.voice = expressionOf(mix);
  if (readAs) body.lang_code = readAs;
  if (!settings.get("normalise")) body.normalization_options = { normalize: false };
  if (/^\s*<speak[\s>]/.test(text)) body.ssml = true;
  else if (TAGS.test(text)) Object.assign(body, { allow_voice_tags: true, voice_aliases: aliasesOf(settings.get("cast")) });
  return body;
}

/** Tells "progress" with every piece. */
export class Session extends EventTarget {
  peaks = new Peaks();
  /** All of the text has been spoken. */
  isWhole = false;
  #abort = new AbortController();
  #player;
  #reader;

  /** @param {object} body @param {import("./player.js").Player} player @param {import("./reader.js").Reader} reader */
  constructor(body, player, reader) {
    super();
    this.body = body;
    this.key = JSON.stringify(body);
    [this.#player, this.#reader] = [player, reader];
  }

  /** Begin to speak; call it in a click. Ends with the last piece; raises ApiError. What has arrived stays playable. */
  async run() {
    const { signal } = this.#abort;
    this.#player.open();
    this.#reader.show(this.body.input);
    try {
      for await (const { pcm, words } of speak(this.body, signal)) {
        if (signal.aborted) return;
        this.peaks.append(pcm);
        this.#reader.extend(words);
        this.#player.append(pcm);
        this.dispatchEvent(new Event("progress"));
      }
      this.isWhole = true;
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      if (!signal.aborted) this.#player.complete();
    }
  }

  /** Stop the server's work too. */
  cancel() {
    this.#abort.abort();
  }

  /** Seconds that all of it will take: known at the end, before that judged by what has arrived. */
  get total() {
    const { arrived, isComplete } = this.#player;
    if (isComplete) return arrived;
    const { share } = this.#reader;
    const judged = share > 0 ? arrived / share : this.body.input.length / CHARS_PER_S / this.body.speed;
    return Math.max(arrived, judged);
  }

  /** 0…1 */
  get share() {
    return this.#player.isComplete ? 1 : this.#reader.share;
  }

}
