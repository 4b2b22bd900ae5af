/** The speech as a picture: what was heard, what has arrived, what is still to come. Also a slider to seek with. */

import { clock } from "./dom.js";

const BAR = 3;
const GAP = 2;
const STEPS_S = { ArrowLeft: -5, ArrowRight: 5, ArrowDown: -5, ArrowUp: 5, PageDown: -30, PageUp: 30 };

/** Tells "pick" with the seconds to go to. */
export class Waveform extends EventTarget {
  #box;
  #canvas;
  #view = { values: /** @type {number[]} */ ([]), arrived: 0, total: 0, position: 0 };
  #bars = [];
  #drawn = "";
  #colours = null;

  /** @param {HTMLElement} box a slider around a canvas */
  constructor(box) {
    super();
    this.#box = box;
    this.#canvas = box.querySelector("canvas");
    new ResizeObserver(() => this.#redraw()).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#colours = null;
      this.#redraw();
    });
    box.addEventListener("pointerdown", (event) => this.#grab(event));
    box.addEventListener("pointermove", (event) => box.hasPointerCapture(event.pointerId) && this.#point(event));
    box.addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * @param {{values: number[], arrived: number, total: number, position: number}} view peaks of 50 ms, the rest in s
   */
  show(view) {
    this.#view = view;
    const { values, arrived, total, position } = view;
    const size = `${this.#box.clientWidth}/${devicePixelRatio}`;
    const state = [size, values.length, Math.round(4 * total), Math.round((position / (total || 1)) * 1000)].join();
    if (state === this.#drawn) return;
    this.#drawn = state;
    this.#measure();
    this.#draw();
    this.#describe(position, arrived, total);
  }

  #redraw() {
    this.#drawn = "";
    this.show(this.#view);
  }

  /** Heights of the bars, 0…1; null where nothing has arrived. */
  #measure() {
    const { values, total } = this.#view;
    const count = Math.max(1, Math.floor((this.#box.clientWidth + GAP) / (BAR + GAP)));
    const peaks = Math.max(1, total * 20);
    this.#bars = Array.from({ length: count }, (_, number) => {
      const [from, to] = [Math.floor((number / count) * peaks), Math.ceil(((number + 1) / count) * peaks)];
      if (!total || from >= values.length) return null;
      return values.slice(from, to).reduce((loudest, value) => Math.max(loudest, value), 0);
    });
  }

  #draw() {
    const [canvas, ratio] = [this.#canvas, devicePixelRatio];
    const [width, height] = [this.#box.clientWidth, this.#box.clientHeight];
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const colours = (this.#colours ??= coloursOf(this.#box));
    const heardUpTo = this.#view.total ? (this.#view.position / this.#view.total) * width : 0;
    this.#bars.forEach((bar, number) => {
      const x = number * (BAR + GAP);
      const tall = bar === null ? BAR : Math.max(BAR, Math.sqrt(bar) * height);
      context.fillStyle = bar === null ? colours.ahead : x < heardUpTo ? colours.heard : colours.arrived;
      context.beginPath();
      context.roundRect(x, (height - tall) / 2, BAR, tall, BAR / 2);
      context.fill();
    });
  }

  #describe(position, arrived, total) {
    const text = total ? `${clock(position)} of ${clock(total)}` : "Nothing to play yet";
    const values = { valuenow: Math.floor(position), valuemax: Math.floor(arrived), valuetext: text };
    for (const [name, value] of Object.entries(values)) this.#box.setAttribute(`aria-${name}`, String(value));
  }

  #grab(event) {
    if (event.button !== 0 || !this.#view.total) return;
    this.#box.setPointerCapture(event.pointerId);
    this.#point(event);
  }

  #point(event) {
    const { left, width } = this.#box.getBoundingClientRect();
    this.#pick(((event.clientX - left) / width) * this.#view.total);
  }

  #key(event) {
    const ends = { Home: 0, End: this.#view.arrived };
    const seconds = ends[event.key] ?? this.#view.position + STEPS_S[event.key];
    if (Number.isNaN(seconds) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.#pick(seconds);
  }

  #pick(seconds) {
    if (this.#view.total) this.dispatchEvent(new CustomEvent("pick", { detail: seconds }));
  }
}

function coloursOf(box) {
  const style = getComputedStyle(box);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { heard: colour("--accent"), arrived: colour("--wave"), ahead: colour("--line") };
}
