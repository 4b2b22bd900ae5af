/**
 * The text being read: the word that is heard is marked, a click on a word goes there. A line of text is one text
 * node, however long the book: words are found by their place in it, not by elements of their own.
 */

import { element } from "./dom.js";
import { Utf16 } from "./stream.js";

const TAG = /\[\/?(?:voice|rate|pause)(?::[^\]]*)?\]/gi;
const HANDS_OFF_MS = 4000; // after the reader has scrolled by hand

/** Tells "pick" with the seconds to go to, and "beyond" for a word that has not arrived. */
export class Reader extends EventTarget {
  #box;
  #lines;
  #mark;
  /** @type {import("./api.js").Word[]} places in UTF-16 units */
  words = [];
  #starts = []; // of each line, in the text
  #places = new Utf16("");
  #current = -1;
  #spoken = 0; // lines that have words already
  #scrolledAt = -HANDS_OFF_MS;

  /** @param {HTMLElement} box */
  constructor(box) {
    super();
    this.#box = box;
    this.#lines = box.querySelector(".lines");
    this.#mark = box.querySelector(".mark");
    box.addEventListener("click", (event) => this.#click(event));
    box.addEventListener("keydown", (event) => this.#key(event));
    for (const hand of ["wheel", "touchmove"]) {
      box.addEventListener(hand, () => (this.#scrolledAt = performance.now()), { passive: true });
    }
  }

  /** @param {string} text begins a new one */
  show(text) {
    this.words = [];
    this.#places = new Utf16(text);
    [this.#current, this.#spoken, this.#starts] = [-1, 0, []];
    this.#mark.remove();
    let start = 0;
    const lines = text.split("\n").map((line, number) => {
      this.#starts.push(start);
      start += line.length + 1;
      const made = element("p", {}, line);
      made.dataset.line = String(number);
      return made;
    });
    this.#lines.replaceChildren(...lines);
    this.#box.scrollTop = 0;
    dimTags(lines);
  }

  /** @param {import("./api.js").Word[]} words the next ones, as the server places them */
  extend(words) {
    for (const word of words) {
      const [from, to] = [this.#places.at(word.from), this.#places.at(word.to)];
      this.words.push({ ...word, from, to });
    }
    if (!this.words.length) return;
    const reached = this.#lineOf(this.words.at(-1).from);
    for (; this.#spoken <= reached; this.#spoken++) this.#lines.children[this.#spoken].classList.add("spoken");
  }

  /** How much of the text has words, 0…1. */
  get share() {
    return this.words.length ? this.words.at(-1).to / this.#places.text.length : 0;
  }

  /** Mark the word heard at `seconds`. */
  follow(seconds) {
    const number = lastAt(this.words, (word) => word.start <= seconds);
    if (number === this.#current) return;
    this.#current = number;
    if (number < 0) this.#mark.remove();
    else this.#place(this.words[number]);
  }

  #place(word) {
    const line = this.#lines.children[this.#lineOf(word.from)];
    const range = this.#range(line, word);
    const [rect, at] = [range.getClientRects()[0] ?? range.getBoundingClientRect(), line.getBoundingClientRect()];
    this.#mark.textContent = "";
    Object.assign(this.#mark.style, {
      left: `${rect.left - at.left - 3}px`,
      top: `${rect.top - at.top - 1}px`,
      width: `${rect.width + 6}px`,
      height: `${rect.height + 2}px`,
    });
    this.#mark.dataset.word = range.toString();
    line.append(this.#mark);
    this.#scrollTo(line.offsetTop + rect.top - at.top);
  }

  #range(line, word) {
    const start = this.#starts[Number(line.dataset.line)];
    const text = line.firstChild;
    const range = document.createRange();
    range.setStart(text, Math.min(word.from - start, text.length));
    range.setEnd(text, Math.min(word.to - start, text.length));
    return range;
  }

  #scrollTo(top) {
    const [box, seen] = [this.#box, top - this.#box.scrollTop];
    if (performance.now() - this.#scrolledAt < HANDS_OFF_MS) return;
    if (seen > 0.1 * box.clientHeight && seen < 0.75 * box.clientHeight) return;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    box.scrollTo({ top: top - 0.3 * box.clientHeight, behavior: isCalm ? "auto" : "smooth" });
  }

  #click(event) {
    const place = placeAt(event.clientX, event.clientY);
    const line = place?.node.parentElement?.closest("[data-line]");
    if (!line || !String(getSelection())) this.#pick(line && this.#starts[Number(line.dataset.line)] + place.offset);
  }

  #pick(place) {
    if (place === undefined || place === null) return;
    const number = lastAt(this.words, (word) => word.from <= place);
    const isBeyond = number === this.words.length - 1 && place > (this.words[number]?.to ?? -1);
    if (isBeyond) this.dispatchEvent(new Event("beyond"));
    else this.#go(Math.max(0, number));
  }

  #key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.#go(Math.min(Math.max(0, this.#current + step), this.words.length - 1));
  }

  #go(number) {
    if (this.words[number]) this.dispatchEvent(new CustomEvent("pick", { detail: this.words[number].start }));
  }

  #lineOf(place) {
    return lastAt(this.#starts, (start) => start <= place);
  }
}

/** Tags are not heard; where the browser can, they step back. */
function dimTags(lines) {
  if (!CSS.highlights) return;
  const ranges = lines.flatMap((line) => [...line.textContent.matchAll(TAG)].map((tag) => rangeOf(line.firstChild, tag.index, tag[0].length)));
  CSS.highlights.set("tag", new Highlight(...ranges));
}

function rangeOf(text, start, length) {
  return new StaticRange({ startContainer: text, startOffset: start, endContainer: text, endOffset: start + length });
}

/** Index of the last item for which `holds`, of a list in which all such come first; -1 if none. */
function lastAt(list, holds) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(list[middle])) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The text node and offset under a point; Safari and older Chromium know it by another name. */
function placeAt(x, y) {
  if (document.caretPositionFromPoint) {
    const place = document.caretPositionFromPoint(x, y);
    return place && { node: place.offsetNode, offset: place.offset };
  }
  const range = document.caretRangeFromPoint?.(x, y);
  return range && { node: range.startContainer, offset: range.startOffset };
}
