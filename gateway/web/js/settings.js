/** What the page remembers, in localStorage. Every change is an event named as the setting. */

const KEY = "kokoro-player";
const TEXT_KEY = "kokoro-player-text";

/**
 * @typedef {{voice: string, weight: number}} Part of a mix; a weight below 0: it is taken away
 * @typedef {{name: string, voice: string, rate: number}} Speaker of the cast
 */

const DEFAULTS = {
  /** @type {Part[]} none: the server's default voice */
  mix: [],
  /** Language of the voices listed; empty: that of the voice. */
  language: "",
  speed: 1,
  loudness: 1,
  /** Code of the language to read the text in; empty: the voice's. */
  readAs: "",
  normalise: true,
  format: "mp3",
  /** Hz and bit/s of files; empty: what is usual for the format. */
  sampleRate: "",
  bitrate: "",
  volume: 1,
  /** @type {Speaker[]} */
  cast: [],
};

/** @typedef {keyof typeof DEFAULTS} Name */

export class Settings extends EventTarget {
  #values = { ...DEFAULTS, ...known(read(KEY)) };

  /** @param {Name} name */
  get(name) {
    return this.#values[name];
  }

  /** @param {Name} name @param {any} value */
  set(name, value) {
    this.#values[name] = value;
    write(KEY, JSON.stringify(this.#values));
    this.dispatchEvent(new Event(name));
  }

  /** The text of the last visit, null on the first. */
  get text() {
    return read(TEXT_KEY);
  }

  /** @returns {boolean} whether it could be kept: browsers give a page some 5 MB, or none at all */
  keepText(text) {
    return write(TEXT_KEY, JSON.stringify(text));
  }
}

/** Only settings that exist, of the type they have. */
function known(saved) {
  const names = Object.keys(DEFAULTS).filter((name) => sameType(saved?.[name], DEFAULTS[name]));
  return Object.fromEntries(names.map((name) => [name, saved[name]]));
}

const sameType = (a, b) => typeof a === typeof b && Array.isArray(a) === Array.isArray(b);

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null; // storage is forbidden, or holds something else
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, value);
    return true;
  } catch {
    return false;
  }
}
