/** Audio and subtitles as files: made here where all is in hand, else asked of the server. */

import { fetchFile } from "./api.js";
import { byId, save } from "./dom.js";
import { FileChoice } from "./file_choice.js";
import { subtitles } from "./subtitles.js";

const LONG_CHARS = 20_000; // a longer file is taken as a stream: proxies cut an answer that says nothing for a minute
const NAME_WORDS = 5;

/** @typedef {{body: object, player: any, reader: any, isWhole: boolean}} Source what the page has at this moment */

export class Downloads {
  #source;
  #notices;
  #menu = byId("download");
  #choice;
  /** @type {AbortController | null} */
  #abort = null;

  /**
   * @param {import("./settings.js").Settings} settings @param {import("./notices.js").Notices} notices
   * @param {() => Source} source
   */
  constructor(settings, notices, source) {
    [this.#choice, this.#notices, this.#source] = [new FileChoice(settings), notices, source];
    byId("save-audio").addEventListener("click", ({ target }) => this.#run(target, (source) => this.#audio(source, target)));
    for (const form of ["srt", "vtt"]) {
      byId(`save-${form}`).addEventListener("click", ({ target }) => this.#run(target, (source) => this.#subtitles(source, form)));
    }
    this.#closeWhenLeft();
  }

  /** One at a time; the same button cancels. */
  async #run(button, make) {
    if (this.#abort) return this.#abort.abort();
    const source = this.#source();
    if (!source.body.input.trim()) return this.#notices.show(new Error("There is no text to speak yet."));
    const abort = (this.#abort = new AbortController());
    const label = button.textContent;
    button.textContent = "Cancel";
    this.#notices.say("Preparing the file.");
    try {
      const { blob, name } = await make(source);
      save(blob, name);
      this.#notices.say(`Saved ${name}.`);
    } catch (error) {
      if (!abort.signal.aborted) this.#notices.show(error, () => this.#run(button, make));
    } finally {
      button.textContent = label;
      this.#abort = null;
    }
  }

  async #audio({ body, player, isWhole }, button) {
    const name = `${fileName(body.input)}.${this.#choice.extension}`;
    if (this.#choice.isAsPlayed && isWhole) return { blob: player.wav(), name };
    const request = { ...body, ...this.#choice.fields, stream: body.input.length > LONG_CHARS };
    const tell = (bytes) => (button.textContent = `${(bytes / 1e6).toFixed(1)} MB so far · Cancel`);
    return { blob: await fetchFile("v1/audio/speech", request, this.#abort.signal, tell), name };
  }

  async #subtitles({ body, reader, isWhole }, form) {
    const name = `${fileName(body.input)}.${form}`;
    if (isWhole && !body.ssml) {
      const type = form === "srt" ? "application/x-subrip" : "text/vtt";
      return { blob: new Blob([subtitles(body.input, reader.words, form)], { type }), name };
    }
    const request = { ...body, subtitle_format: form };
    return { blob: await fetchFile("v1/audio/subtitles", request, this.#abort.signal), name };
  }

  #closeWhenLeft() {
    document.addEventListener("pointerdown", ({ target }) => {
      if (!this.#menu.contains(target)) this.#menu.open = false;
    });
    this.#menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#menu.open) return;
      event.stopPropagation();
      this.#menu.open = false;
      this.#menu.querySelector("summary").focus();
    });
  }
}

/** From the first words of the text. */
function fileName(text) {
  const bare = text.slice(0, 500).replace(/\[\/?(?:voice|rate|pause)[^\]]*\]|<[^>]*>/gi, " ");
  const words = bare.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.slice(0, NAME_WORDS).join("-").slice(0, 60) || "speech";
}
