/** A mix of voices: `af_bella(2)+af_sky(1)`. */

import { element, icon } from "./dom.js";

/** @typedef {import("./settings.js").Part} Part */

export const MAX_PARTS = 16;
const MAX_WEIGHT = 5;
const PART = /^\s*([A-Za-z0-9_]+)\s*(?:\(\s*(\d+(?:\.\d+)?)\s*\))?\s*$/;

/** "af_bella" → "Bella". @param {string} id */
export function nameOf(id) {
  const name = id.replace(/^[a-z]{2}_/, "").replaceAll("_", " ");
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The mix as the API writes it. @param {Part[]} mix */
export function expressionOf(mix) {
  return mix.length === 1 ? mix[0].voice : mix.map(({ voice, weight }) => `${voice}(${weight})`).join("+");
}

/** @param {string} expression @returns {Part[] | null} null where it is no mix of these voices */
export function parseMix(expression, voices) {
  const parts = expression.split("+").map((part) => part.match(PART));
  const mix = parts.map((part) => part && { voice: part[1], weight: Number(part[2] ?? 1) });
  const isGood = mix.length <= MAX_PARTS && mix.every((part) => part?.weight > 0 && voices.includes(part.voice));
  return isGood ? mix : null;
}

/** Shows the mix, with a weight for each voice where there are several. */
export class Mixer {
  #box;
  #settings;
  #voices = () => /** @type {string[]} */ ([]);

  /** @param {HTMLElement} box @param {import("./settings.js").Settings} settings @param {() => string[]} voices */
  constructor(box, settings, voices) {
    [this.#box, this.#settings, this.#voices] = [box, settings, voices];
    settings.addEventListener("mix", () => this.show());
  }

  show() {
    const mix = this.#settings.get("mix");
    const parts = mix.map((part, number) => this.#part(mix, part, number));
    const isMix = mix.length > 1;
    // Moving a weight must not take the focus away: rows that stay are only brought up to date.
    if (this.#box.dataset.shown === mix.map((part) => part.voice).join()) return this.#update(mix);
    this.#box.dataset.shown = mix.map((part) => part.voice).join();
    this.#box.replaceChildren(...(isMix ? [element("ul", {}, ...parts), this.#written()] : []));
    this.#update(mix);
  }

  #part(mix, { voice, weight }, number) {
    const set = (event) => {
      const changed = this.#settings.get("mix").map((part) => ({ ...part }));
      changed[number].weight = Number(event.target.value);
      this.#settings.set("mix", changed);
    };
    const label = `Weight of ${nameOf(voice)}`;
    const slider = { type: "range", min: "0.5", max: String(Math.max(MAX_WEIGHT, weight)), step: "0.5" };
    const remove = () => this.#settings.set("mix", this.#settings.get("mix").filter((part) => part.voice !== voice));
    return element(
      "li",
      {},
      element("span", { className: "name" }, nameOf(voice)),
      element("input", { ...slider, value: String(weight), "aria-label": label, oninput: set }),
      element("output", {}),
      element(
        "button",
        { type: "button", className: "small", "aria-label": `Take ${nameOf(voice)} out of the mix`, onclick: remove },
        icon("cross"),
      ),
    );
  }

  /** The mix as text, to copy from and to paste into. */
  #written() {
    const read = (event) => {
      const mix = parseMix(event.target.value, this.#voices());
      event.target.setCustomValidity(mix ? "" : "Write it like af_bella(2)+af_sky(1).");
      if (mix) this.#settings.set("mix", mix);
      else event.target.reportValidity();
    };
    const input = { type: "text", spellcheck: false, autocomplete: "off", onchange: read };
    return element("input", { ...input, className: "written", "aria-label": "The mix as text" });
  }

  #update(mix) {
    if (mix.length < 2) return;
    const total = mix.reduce((sum, part) => sum + part.weight, 0);
    [...this.#box.querySelectorAll("li")].forEach((row, number) => {
      row.querySelector("input").value = String(mix[number].weight);
      row.querySelector("output").textContent = `${Math.round((100 * mix[number].weight) / total)} %`;
    });
    this.#box.querySelector(".written").value = expressionOf(mix);
  }
}
