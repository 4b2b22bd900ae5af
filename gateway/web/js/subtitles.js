/** Subtitles from the words in hand, so that nothing need be spoken twice. */

const MAX_WIDTH = 84; // two lines of 42, what broadcasters hold readable; full-width characters count twice
const LINE_WIDTH = 42;
const MAX_S = 7;
const MIN_S = 0.8;
const LONG_GAP_S = 1;

const TAG = /\[\/?(?:voice|rate|pause)(?::[^\]]*)?\]/gi;
const SAID_AS = /\[([^[\]]*)\]\((?:\/[^)]*\/|[+-]?[\d.]+|#[^)]*#)\)/g;
const REST_OF_SAID_AS = /\]\((?:\/[^)]*\/|[+-]?[\d.]+|#[^)]*#)\)/g; // where a cue begins with the word in brackets
const SENTENCE_END = /[.!?…。！？]["'”’»)\]]*\s|\n/;

/**
 * @param {string} text
 * @param {import("./api.js").Word[]} words with places in UTF-16 units
 * @param {"srt" | "vtt"} form
 */
export function subtitles(text, words, form) {
  const cues = group(text, words).map((cue, number, all) => ({
    start: cue.words[0].start,
    // Long enough to be read, but not into the next.
    end: Math.min(Math.max(cue.words.at(-1).end, cue.words[0].start + MIN_S), all[number + 1]?.words[0].start ?? Infinity),
    text: shown(text.slice(cue.begin, all[number + 1]?.begin)),
  }));
  return (form === "vtt" ? "WEBVTT\n\n" : "") + cues.map((cue, number) => written(cue, number, form)).join("\n");
}

function written(cue, number, form) {
  const times = `${time(cue.start, form)} --> ${time(cue.end, form)}`;
  if (form === "srt") return `${number + 1}\n${times}\n${cue.text}\n`;
  return `${times}\n${cue.text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}\n`;
}

/** Words that are shown together, and where their text begins. */
function group(text, words) {
  const cues = [];
  words.forEach((word, number) => {
    const cue = cues.at(-1)?.words;
    if (cue && !mustBreak(text, cue, word)) cue.push(word);
    else cues.push({ words: [word], begin: beginOf(text, words[number - 1]?.to ?? 0, word) });
  });
  return cues;
}

function mustBreak(text, cue, word) {
  const [first, last] = [cue[0], cue.at(-1)];
  return (
    SENTENCE_END.test(text.slice(last.to, word.from)) ||
    word.start - last.end > LONG_GAP_S ||
    word.end - first.start > MAX_S ||
    width(bare(text.slice(first.from, word.to))) > MAX_WIDTH
  );
}

/** A cue begins with its first word and what stands right before it, such as a quotation mark. */
function beginOf(text, before, word) {
  const space = text.slice(before, word.from).search(/\s\S*$/);
  return space < 0 ? word.from : before + space + 1;
}

/** A cue's text, on one line or two. */
function shown(text) {
  const whole = bare(text).replace(/\s+/g, " ").trim();
  if (width(whole) <= LINE_WIDTH) return whole;
  const spaces = [...whole.matchAll(/ /g)].map((match) => match.index);
  const middle = whole.length / 2;
  const at = spaces.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0];
  return at === undefined ? whole : `${whole.slice(0, at)}\n${whole.slice(at + 1)}`;
}

/** Without markup. */
const bare = (text) => text.replace(TAG, "").replace(SAID_AS, "$1").replace(REST_OF_SAID_AS, "");

const width = (line) => [...line].reduce((sum, char) => sum + (char >= "\u1100" ? 2 : 1), 0);

function time(seconds, form) {
  const ms = Math.round(seconds * 1000);
  const two = (value) => String(Math.floor(value)).padStart(2, "0");
  const rest = String(ms % 1000).padStart(3, "0");
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}${form === "srt" ? "," : "."}${rest}`;
}
