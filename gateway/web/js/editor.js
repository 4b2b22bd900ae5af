/** Where the text comes from: typed, pasted, dropped or opened. */

import { byId, clock, settled } from "./dom.js";
import { EXAMPLES, WELCOME } from "./examples.js";
import { textOf } from "./files.js";

const CHARS_PER_S = 14; // English at speed 1, as the model speaks it
const LONG_S = 6 * 3600;
const KEEP_AFTER_MS = 300;
const UNDO_MAX_CHARS = 20_000; // beyond, browsers take seconds

export const TAGS = /\[\/?(?:voice|rate)[:\]]/i;

/** Tells "cast" when an example brings a cast of its own. */
export class Editor extends EventTarget {
  #settings;
  #onError;
  #text = byId("text");
  #isKept = true;

  /** @param {import("./settings.js").Settings} settings @param {(error: Error) => void} onError */
  constructor(settings, onError) {
    super();
    [this.#settings, this.#onError] = [settings, onError];
    this.#text.value = settings.text ?? WELCOME;
    // Not at every key: a novel is long to look through.
    this.#text.addEventListener("input", settled(() => this.#keep(), KEEP_AFTER_MS));
    // What was ours to begin with is to be typed over.
    this.#text.addEventListener("focus", () => this.text === WELCOME && this.#text.select(), { once: true });
    byId("clear").addEventListener("click", () => this.replace(""));
    byId("open").addEventListener("click", () => byId("file").click());
    byId("file").addEventListener("change", ({ target }) => this.#open(target.files[0], target));
    byId("example").addEventListener("change", ({ target }) => this.#example(target));
    settings.addEventListener("speed", () => this.#describe());
    this.#acceptDrops(byId("paper"));
    this.#describe();
  }

  get text() {
    return this.#text.value;
  }

  /** Put another text in the place of this one. @param {string} text */
  replace(text) {
    const isShort = Math.max(text.length, this.text.length) < UNDO_MAX_CHARS;
    this.#text.focus();
    this.#text.select();
    // As if typed, so that undo brings the old text back; there is no newer way to say it.
    const isDone = isShort && document.execCommand(text ? "insertText" : "delete", false, text);
    if (!isDone) this.#text.value = text;
    this.#text.setSelectionRange(0, 0);
    this.#text.scrollTop = 0;
    this.#keep();
  }

  /** Put something in where the cursor is. @param {string} piece */
  insert(piece) {
    const { selectionStart: at, selectionEnd: to, value } = this.#text;
    const before = at && !/\s/.test(value[at - 1]) ? " " : "";
    const after = /\s/.test(value[to] ?? "") ? "" : " ";
    this.#text.setRangeText(before + piece + after, at, to, "end");
    this.#text.focus();
    this.#keep();
  }

  focus() {
    this.#text.focus();
  }

  #describe() {
    const { length } = this.#text.value;
    const seconds = length / CHARS_PER_S / this.#settings.get("speed");
    const facts = [`${length.toLocaleString("en")} characters`];
    if (length) facts.push(`about ${clock(seconds)}`);
    if (length && TAGS.test(this.text)) facts.push("with speakers");
    if (seconds > LONG_S) facts.push("so long a speech takes gigabytes: better in parts");
    if (!this.#isKept) facts.push("too long to be remembered for the next visit");
    byId("facts").textContent = facts.join(" · ");
  }

  #keep() {
    this.#isKept = this.#settings.keepText(this.text);
    this.#describe();
  }

  async #open(file, input) {
    if (input) input.value = "";
    if (!file) return;
    try {
      this.replace(await textOf(file));
    } catch (error) {
      this.#onError(error);
    }
  }

  #example(select) {
    const example = EXAMPLES[select.value];
    select.value = "";
    if (!example) return;
    this.replace(example.text);
    if (!example.cast) return;
    const others = this.#settings.get("cast").filter(({ name }) => !example.cast.some((one) => one.name === name));
    this.#settings.set("cast", [...others, ...example.cast]);
    this.dispatchEvent(new Event("cast"));
  }

  #acceptDrops(paper) {
    let depth = 0; // children of the target fire events of their own
    const show = (by) => paper.classList.toggle("dropping", (depth = Math.max(0, depth + by)) > 0);
    const isFile = (event) => event.dataTransfer.types.includes("Files");
    paper.addEventListener("dragenter", (event) => isFile(event) && show(1));
    paper.addEventListener("dragleave", (event) => isFile(event) && show(-1));
    paper.addEventListener("dragover", (event) => isFile(event) && event.preventDefault());
    paper.addEventListener("drop", (event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      show(-depth);
      this.#open(event.dataTransfer.files[0], null);
    });
  }
}
