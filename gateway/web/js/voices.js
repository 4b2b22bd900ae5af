/** The list of voices: one to speak with, more to mix in, each to be heard first. */

import { element, icon, setIcon } from "./dom.js";
import { MAX_PARTS, nameOf, settledMix } from "./mixer.js";

/** @typedef {{id: string, language: string | null, gender: string | null}} Voice */

const OTHER = "Other";
const ALL = "*";

export class VoiceList {
  #box;
  #languages;
  #settings;
  #sampler;
  #onError;
  /** @type {Voice[]} */
  voices = [];

  /**
   * @param {HTMLElement} box @param {HTMLSelectElement} languages @param {import("./settings.js").Settings} settings
   * @param {import("./sampler.js").Sampler} sampler @param {(error: Error, retry: () => void) => void} onError
   */
  constructor(box, languages, settings, sampler, onError) {
    [this.#box, this.#languages, this.#settings, this.#sampler, this.#onError] = [box, languages, settings, sampler, onError];
    languages.addEventListener("change", () => {
      settings.set("language", languages.value);
      this.#list();
    });
    settings.addEventListener("mix", () => this.#update());
    sampler.addEventListener("change", () => this.#update());
  }

  /** @param {Voice[]} voices all there are @param {string} byDefault */
  show(voices, byDefault) {
    this.voices = voices;
    this.#settings.set("mix", this.#stillThere(byDefault));
    this.#offerLanguages();
    this.#list();
  }

  /** Names of all voices. */
  get names() {
    return this.voices.map((voice) => voice.id);
  }

  #stillThere(byDefault) {
    const mix = this.#settings.get("mix").filter((part) => this.names.includes(part.voice));
    const first = this.names.includes(byDefault) ? byDefault : this.names[0];
    return mix.length || !first ? settledMix(mix) : [{ voice: first, weight: 1 }];
  }

  #offerLanguages() {
    const counts = new Map();
    for (const voice of this.voices) counts.set(languageOf(voice), (counts.get(languageOf(voice)) ?? 0) + 1);
    const offered = [...counts].map(([name, count]) => element("option", { value: name }, `${name} (${count})`));
    offered.push(element("option", { value: ALL }, `All languages (${this.voices.length})`));
    this.#languages.replaceChildren(...offered);
    const spoken = this.voices.find((voice) => voice.id === this.#settings.get("mix")[0]?.voice);
    const chosen = this.#settings.get("language");
    this.#languages.value = counts.has(chosen) || chosen === ALL ? chosen : spoken ? languageOf(spoken) : ALL;
  }

  #list() {
    const chosen = this.#languages.value;
    const shown = this.voices.filter((voice) => chosen === ALL || languageOf(voice) === chosen);
    this.#box.replaceChildren(...shown.map((voice) => this.#row(voice, chosen === ALL)));
    this.#update();
    const first = this.#box.querySelector(".chosen");
    // The list alone: scrollIntoView would move the page as well.
    if (first) this.#box.scrollTop = first.offsetTop - this.#box.offsetTop - this.#box.clientHeight / 2;
  }

  #row({ id, language, gender }, isLanguageShown) {
    const name = nameOf(id);
    const about = [gender, isLanguageShown && language].filter(Boolean).join(" · ");
    const choose = () => this.#settings.set("mix", [{ voice: id, weight: 1 }]);
    const radio = element("input", { type: "radio", name: "voice", value: id, onchange: choose });
    const small = (label, picture, onclick, className) =>
      element("button", { type: "button", className: `small ${className}`, "aria-label": label, title: label, onclick }, icon(picture));
    const row = element(
      "div",
      { className: "voice" },
      small(`Hear ${name}`, "play", () => this.#hear(id), "sample"),
      element("label", { title: id }, radio, element("span", { className: "name" }, name), element("span", { className: "dim" }, about)),
      small(`Mix ${name} in`, "plus", () => this.#mixIn(id), "mix-in"),
    );
    row.dataset.voice = id;
    return row;
  }

  async #hear(voice) {
    if (this.#sampler.voice === voice) return this.#sampler.stop();
    try {
      await this.#sampler.play(voice);
    } catch (error) {
      this.#onError(error, () => this.#hear(voice));
    }
  }

  #mixIn(voice) {
    const mix = this.#settings.get("mix");
    if (mix.length < MAX_PARTS) this.#settings.set("mix", [...mix, { voice, weight: 1 }]);
  }

  #update() {
    const mix = this.#settings.get("mix").map((part) => part.voice);
    for (const row of this.#box.querySelectorAll(".voice")) {
      const voice = row.dataset.voice;
      const isHeard = this.#sampler.voice === voice;
      row.classList.toggle("chosen", mix.includes(voice));
      row.querySelector("input").checked = mix.length === 1 && mix[0] === voice;
      row.querySelector(".mix-in").disabled = mix.includes(voice);
      const sample = row.querySelector(".sample");
      setIcon(sample.firstElementChild, isHeard ? "stop" : "play");
      sample.setAttribute("aria-pressed", String(isHeard));
    }
  }
}

const languageOf = (voice) => voice.language ?? OTHER;
