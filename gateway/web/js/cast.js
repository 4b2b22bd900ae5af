/** Named voices for dialogue: what `[voice:narrator]` in the text stands for. */

import { byId, element, icon, save } from "./dom.js";
import { expressionOf } from "./mixer.js";

/** @typedef {import("./settings.js").Speaker} Speaker */

/** The cast as the API's `voice_aliases`. @param {Speaker[]} cast */
export function aliasesOf(cast) {
  const named = cast.filter((speaker) => speaker.name.trim() && speaker.voice.trim());
  return Object.fromEntries(named.map(({ name, voice, rate }) => [name.trim(), rate === 1 ? voice : { voice, rate }]));
}

/** From an export, ours or Kokoro-FastAPI's, a request with `voice_aliases`, or plainly `{name: voice}`. */
export function castFrom(written) {
  const aliases = written?.voice_aliases ?? written;
  if (!aliases || typeof aliases !== "object" || Array.isArray(aliases)) throw new Error("This file holds no cast.");
  return Object.entries(aliases).map(([name, alias]) => {
    const voice = typeof alias === "string" ? alias : alias?.voice;
    const rate = alias?.rate ?? 1;
    if (typeof voice !== "string" || typeof rate !== "number") throw new Error(`What is ${name} to sound like?`);
    return { name, voice, rate };
  });
}

export class Cast {
  #settings;
  #insert;
  #rows = byId("cast");

  /**
   * @param {import("./settings.js").Settings} settings @param {(tag: string) => void} insert into the text
   * @param {(error: Error) => void} onError
   */
  constructor(settings, insert, onError) {
    [this.#settings, this.#insert] = [settings, insert];
    byId("cast-add").addEventListener("click", () => this.#add());
    byId("cast-export").addEventListener("click", () => this.#export());
    byId("cast-import").addEventListener("click", () => byId("cast-file").click());
    byId("cast-file").addEventListener("change", ({ target }) => this.#import(target).catch(onError));
    settings.addEventListener("cast", () => this.#count());
    this.show();
  }

  /** @param {string[]} names of voices, offered while typing */
  offer(names) {
    byId("voice-names").replaceChildren(...names.map((value) => element("option", { value })));
  }

  show() {
    this.#rows.replaceChildren(...this.#settings.get("cast").map((speaker, number) => this.#row(speaker, number)));
    this.#count();
  }

  #count() {
    const count = this.#settings.get("cast").length;
    byId("cast-count").textContent = count ? String(count) : "for dialogues";
    byId("cast-export").disabled = !count;
  }

  #row({ name, voice, rate }, number) {
    const who = () => this.#settings.get("cast")[number].name || `speaker ${number + 1}`;
    const field = (label, key, more) => {
      const change = ({ target }) => this.#change(number, key, more.type === "number" ? Number(target.value) || 1 : target.value);
      return element("input", { "aria-label": `${label} of speaker ${number + 1}`, placeholder: label, title: label, ...more, oninput: change });
    };
    const text = { type: "text", autocomplete: "off", spellcheck: false };
    const insert = () => this.#insert(`[voice:${who()}]`);
    return element(
      "li",
      {},
      field("Name", "name", { ...text, value: name }),
      field("Voice", "voice", { ...text, value: voice, list: "voice-names" }),
      element("label", { className: "dim" }, "Rate", field("Rate", "rate", { type: "number", min: "0.25", max: "4", step: "0.05", value: String(rate) })),
      element("button", { type: "button", "aria-label": `Insert the tag of speaker ${number + 1}`, onclick: insert }, "Insert tag"),
      element(
        "button",
        { type: "button", className: "small", "aria-label": `Remove speaker ${number + 1}`, onclick: () => this.#remove(number) },
        icon("cross"),
      ),
    );
  }

  #change(number, key, value) {
    const cast = this.#settings.get("cast").map((speaker) => ({ ...speaker }));
    cast[number][key] = value;
    this.#settings.set("cast", cast);
  }

  #add() {
    const cast = this.#settings.get("cast");
    const voice = expressionOf(this.#settings.get("mix"));
    this.#settings.set("cast", [...cast, { name: cast.length ? "" : "narrator", voice, rate: 1 }]);
    this.show();
    this.#rows.lastElementChild.querySelector("input").focus();
  }

  #remove(number) {
    this.#settings.set("cast", this.#settings.get("cast").filter((_, index) => index !== number));
    this.show();
    byId("cast-add").focus();
  }

  #export() {
    const written = JSON.stringify({ voice_aliases: aliasesOf(this.#settings.get("cast")) }, null, 2);
    save(new Blob([written], { type: "application/json" }), "cast.json");
  }

  async #import(input) {
    const [file] = input.files;
    input.value = ""; // so that the same file can be taken again
    if (!file) return;
    const read = castFrom(parse(await file.text(), file.name));
    const kept = this.#settings.get("cast").filter((speaker) => !read.some(({ name }) => name === speaker.name));
    this.#settings.set("cast", [...kept, ...read]);
    this.show();
  }
}

function parse(text, name) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${name} is no JSON.`);
  }
}
