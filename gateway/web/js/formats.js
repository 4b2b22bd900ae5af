/** What files can be had: the API's formats, with the rates among theirs that people ask for. See docs/formats.md. */

const MPEG_RATES = [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
const OPUS_RATES = [8_000, 12_000, 16_000, 24_000, 48_000];
const ANY_RATES = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000];

const KBITS = { mpeg1: [48, 64, 96, 128, 192, 256, 320], mpeg2: [32, 48, 64, 96, 128, 160], mpeg25: [24, 32, 48, 64] };

const none = () => [];
const mp3Bits = (rate) => (rate >= 32_000 ? KBITS.mpeg1 : rate >= 16_000 ? KBITS.mpeg2 : KBITS.mpeg25);
const aacBits = (rate) => [24, 32, 48, 64, 96, 128, 192, 256].filter((kbits) => 1000 * kbits <= 6 * rate);
const opusBits = () => [12, 16, 24, 32, 48, 64, 96, 128];

/**
 * @typedef {{label: string, extension?: string, ownRate?: number, rates: number[], kbits: (rate: number) => number[]}}
 *   Format `extension` where it is not the format's name, `ownRate` in Hz where it is not that of all
 */

/** @type {Record<string, Format>} by the name that the API has for it */
export const FORMATS = {
  mp3: { label: "MP3 (plays anywhere)", rates: MPEG_RATES, kbits: mp3Bits },
  wav: { label: "WAV (uncompressed)", rates: ANY_RATES, kbits: none },
  flac: { label: "FLAC (lossless)", rates: ANY_RATES, kbits: none },
  opus: { label: "Opus (small)", rates: OPUS_RATES, kbits: opusBits },
  webm: { label: "WebM (for web pages)", rates: OPUS_RATES, kbits: opusBits },
  m4a: { label: "M4A (Apple)", rates: MPEG_RATES, kbits: aacBits },
  aac: { label: "AAC (bare)", rates: MPEG_RATES, kbits: aacBits },
  pcm: { label: "PCM (raw samples)", rates: ANY_RATES, kbits: none },
  mulaw: { label: "µ-law (telephones)", extension: "ulaw", ownRate: 8_000, rates: ANY_RATES, kbits: none },
  alaw: { label: "A-law (telephones)", extension: "alaw", ownRate: 8_000, rates: ANY_RATES, kbits: none },
};

const USUAL_RATE = 24_000;

/** Hz of a file where none is asked for; an operator may have set another. @param {string} format */
export const usualRate = (format) => FORMATS[format].ownRate ?? USUAL_RATE;
