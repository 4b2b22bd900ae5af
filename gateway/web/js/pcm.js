/** Samples kept for seeking and saving, and what a waveform needs to know of them. */

export const RATE = 24_000;

const HEADER_BYTES = 44;

/**
 * All samples of one speech. They are kept as Blobs, which browsers move out of the page's memory: an hour is 173 MB.
 */
export class PcmStore {
  #pieces = [];
  length = 0;

  /** @param {Int16Array} pcm */
  append(pcm) {
    if (!pcm.length) return;
    this.#pieces.push({ start: this.length, length: pcm.length, blob: new Blob([pcm]) });
    this.length += pcm.length;
  }

  /**
   * At most `count` samples from `start` on, as floats; fewer where a piece ends.
   * @param {number} start @param {number} count @returns {Promise<Float32Array>}
   */
  async read(start, count) {
    const piece = this.#pieceAt(start);
    const from = start - piece.start;
    const part = piece.blob.slice(2 * from, 2 * Math.min(piece.length, from + count));
    const pcm = new Int16Array(await part.arrayBuffer());
    return Float32Array.from(pcm, (sample) => sample / 32_768);
  }

  /** All of it as a WAV file. */
  wav() {
    return new Blob([wavHeader(this.length), ...this.#pieces.map((piece) => piece.blob)], { type: "audio/wav" });
  }

  #pieceAt(sample) {
    let [low, high] = [0, this.#pieces.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#pieces[middle].start <= sample) low = middle;
      else high = middle - 1;
    }
    return this.#pieces[low];
  }
}

function wavHeader(samples) {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  const tag = (at, name) => [...name].forEach((char, i) => view.setUint8(at + i, char.charCodeAt(0)));
  const long = (at, value) => view.setUint32(at, value, true);
  const short = (at, value) => view.setUint16(at, value, true);
  tag(0, "RIFF"), long(4, HEADER_BYTES - 8 + 2 * samples), tag(8, "WAVEfmt "), long(16, 16);
  short(20, 1), short(22, 1), long(24, RATE), long(28, 2 * RATE), short(32, 2), short(34, 16);
  tag(36, "data"), long(40, 2 * samples);
  return view.buffer;
}

/** The loudest sample of every 50 ms. */
export class Peaks {
  static SAMPLES = RATE / 20;
  /** @type {number[]} 0…1 */
  values = [];
  #left = Peaks.SAMPLES;
  #loudest = 0;

  /** @param {Int16Array} pcm */
  append(pcm) {
    for (const sample of pcm) {
      const loud = Math.abs(sample);
      if (loud > this.#loudest) this.#loudest = loud;
      if (--this.#left === 0) {
        this.values.push(this.#loudest / 32_768);
        this.#left = Peaks.SAMPLES;
        this.#loudest = 0;
      }
    }
  }
}
