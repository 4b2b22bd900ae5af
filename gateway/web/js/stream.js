/** From the bytes of a response to lines, from base64 to samples. */

/** Lines as they arrive, without their ends. @param {ReadableStream<Uint8Array>} body */
export async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let begun = []; // parts of the line under way: one line holds seconds of audio and comes in many
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const [first, ...rest] = read.value.split("\n");
    begun.push(first);
    for (const next of rest) {
      const line = begun.join("");
      if (line) yield line;
      begun = [next];
    }
  }
  const line = begun.join("");
  if (line) yield line;
}

/** Signed 16-bit samples, as every machine with a browser keeps them: little-endian. @param {string} base64 */
export function pcmOf(base64) {
  const bytes = Uint8Array.fromBase64?.(base64) ?? Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}

/**
 * The server counts characters as code points, JavaScript as UTF-16 units; they part at the first emoji. Asked in
 * ascending order, as words come, it goes over the text once.
 */
export class Utf16 {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.isPlain = !/[\ud800-\udfff]/.test(text);
    this.points = 0;
    this.units = 0;
  }

  /** @param {number} points @returns {number} the same place in UTF-16 units */
  at(points) {
    if (this.isPlain) return points;
    if (points < this.points) this.points = this.units = 0;
    for (; this.points < points && this.units < this.text.length; this.points++) {
      this.units += this.text.codePointAt(this.units) > 0xffff ? 2 : 1;
    }
    return this.units;
  }
}
