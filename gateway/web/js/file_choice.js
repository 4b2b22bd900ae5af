/** The choice of a file's format, and of its rates where it has any. */

import { byId, element } from "./dom.js";
import { FORMATS, usualRate } from "./formats.js";

export class FileChoice {
  #settings;
  #format = byId("format");
  #rate = byId("sample-rate");
  #bits = byId("bit-rate");

  /** @param {import("./settings.js").Settings} settings */
  constructor(settings) {
    this.#settings = settings;
    offer(this.#format, Object.entries(FORMATS).map(([name, { label }]) => [name, label]), settings.get("format"));
    for (const [select, name] of [[this.#format, "format"], [this.#rate, "sampleRate"], [this.#bits, "bitrate"]]) {
      select.addEventListener("change", () => {
        settings.set(name, select.value);
        this.#show();
      });
    }
    this.#show();
  }

  get format() {
    return this.#format.value;
  }

  get extension() {
    return FORMATS[this.format].extension ?? this.format;
  }

  /** Whether it is as what is played: one WAV can then be made here. */
  get isAsPlayed() {
    return this.format === "wav" && !this.#rate.value;
  }

  /** The fields of the request that ask for it. */
  get fields() {
    const fields = { response_format: this.format };
    if (this.#rate.value) fields.sample_rate = Number(this.#rate.value);
    if (this.#bits.value) fields.bitrate = Number(this.#bits.value);
    return fields;
  }

  /** What the format has not got is not offered; it is remembered for one that has. */
  #show() {
    const { rates, kbits } = FORMATS[this.format];
    const usual = usualRate(this.format);
    const others = rates.filter((rate) => rate !== usual).map((rate) => [String(rate), `${rate / 1000} kHz`]);
    offer(this.#rate, [["", `${usual / 1000} kHz (usual)`], ...others], this.#settings.get("sampleRate"));
    const bits = kbits(Number(this.#rate.value) || usual).map((rate) => [String(1000 * rate), `${rate} kbit/s`]);
    byId("bit-rate-field").hidden = !bits.length;
    offer(this.#bits, [["", "usual"], ...bits], this.#settings.get("bitrate"));
  }
}

/** Options, and the one that is wanted, or else the first. */
function offer(select, options, wanted) {
  select.replaceChildren(...options.map(([value, label]) => element("option", { value }, label)));
  select.value = options.some(([value]) => value === wanted) ? wanted : options[0][0];
}
