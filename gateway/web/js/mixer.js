/** A mix of voices: `af_bella(2)+af_sky(1)`, or with one taken away, `af_bella(2)-af_sky(1)`. */

import { element, icon } from "./dom.js";

/** @typedef {import("./settings.js").Part} Part */

export const MAX_PARTS = 16;
const MAX_WEIGHT = 5;
const LITTLE = 0.3; // of a voice: less of it left, and it is hardly speech
const PART = /\s*([A-Za-z0-9_]+)\s*(?:\(\s*(\d+(?:\.\d+)?)\s*\))?\s*/.source;
const MIX = new RegExp(`^${PART}(?:[-+]${PART})*$`);
const SIGNED_PART = new RegExp(`([-+]?)${PART}`, "g");

/** "af_bella" → "Bella". @param {string} id */
export function nameOf(id) {
  const name = id.replace(/^[a-z]{2}_/, "").replaceAll("_", " ");
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The mix as the API writes it. @param {Part[]} mix */
export function expressionOf(mix) {
  if (mix.length === 1) return mix[0].voice;
  const parts = mix.map(({ voice, weight }) => `${weight < 0 ? "-" : "+"}${voice}(${Math.abs(weight)})`);
  return parts.join("").slice(1);
}

/** @param {string} expression @returns {Part[] | null} null where it is no mix of these voices */
export function parseMix(expression, voices) {
  if (!MIX.test(expression)) return null;
  const parts = [...expression.matchAll(SIGNED_PART)];
  const mix = parts.map(([, sign, voice, weight = 1]) => ({ voice, weight: Number(`${sign}${weight}`) }));
  const isGood = mix.length <= MAX_PARTS && mix.every(({ voice, weight }) => weight !== 0 && voices.includes(voice));
  return isGood ? mix : null;
}

/** The mix as it can be spoken and written: it begins with a voice that is there. @param {Part[]} mix */
export function settledMix(mix) {
  const first = mix.find(({ weight }) => weight > 0);
  if (first) return [first, ...mix.filter((part) => part !== first)];
  return mix.map((part, number) => (number ? part : { ...part, weight: -part.weight }));
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
    const hint = element("p", { className: "dim" }, "Little of a voice is left: take away less.");
    this.#box.replaceChildren(...(isMix ? [element("ul", {}, ...parts), hint, this.#written()] : []));
    this.#update(mix);
  }

  #part(mix, { voice, weight }, number) {
    const change = (weigh) => {
      const changed = this.#settings.get("mix").map((part) => ({ ...part }));
      changed[number].weight = weigh(changed[number].weight);
      this.#settings.set("mix", changed);
    };
    const set = ({ target }) => change((was) => Math.sign(was) * Number(target.value));
    const sign = { type: "button", className: "small sign", disabled: number === 0, onclick: () => change((was) => -was) };
    const label = `Weight of ${nameOf(voice)}`;
    const slider = { type: "range", min: "0.5", max: String(Math.max(MAX_WEIGHT, Math.abs(weight))), step: "0.5" };
    const remove = () => this.#settings.set("mix", settledMix(this.#settings.get("mix").filter((part) => part.voice !== voice)));
    return element(
      "li",
      {},
      element("button", { ...sign, "aria-label": `Take ${nameOf(voice)} away from the others` }),
      element("span", { className: "name" }, nameOf(voice)),
      element("input", { ...slider, "aria-label": label, oninput: set }),
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
      event.target.setCustomValidity(mix ? "" : "Write it like af_bella(2)+af_sky(1) or af_bella(2)-af_sky(1).");
      if (mix) this.#settings.set("mix", mix);
      else event.target.reportValidity();
    };
    const input = { type: "text", spellcheck: false, autocomplete: "off", onchange: read };
    return element("input", { ...input, className: "written", "aria-label": "The mix as text" });
  }

  #update(mix) {
    if (mix.length < 2) return;
    const total = mix.reduce((sum, part) => sum + Math.abs(part.weight), 0);
    [...this.#box.querySelectorAll("li")].forEach((row, number) => showPart(row, mix[number].weight, total));
    this.#box.querySelector("p").hidden = mix.reduce((sum, part) => sum + part.weight, 0) >= LITTLE * total;
    this.#box.querySelector(".written").value = expressionOf(mix);
  }
}

function showPart(row, weight, total) {
  const [sign, isTakenAway] = [row.querySelector(".sign"), weight < 0];
  sign.textContent = isTakenAway ? "−" : "+";
  sign.title = isTakenAway ? "Taken away: press to add" : "Added: press to take away";
  sign.setAttribute("aria-pressed", String(isTakenAway));
  row.querySelector("input").value = String(Math.abs(weight));
  row.querySelector("output").textContent = `${isTakenAway ? "−" : ""}${Math.round((100 * Math.abs(weight)) / total)} %`;
}
