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
    start: cue[0].start,
    // Long enough to be read, but not into the next.
    end: Math.min(Math.max(cue.at(-1).end, cue[0].start + MIN_S), all[number + 1]?.[0].start ?? Infinity),
    text: shown(text, cue, all[number + 1]),
  }));
  const written = cues.map(({ start, end, text: line }, number) => {
    const times = `${time(start, form)} --> ${time(end, form)}`;
    return form === "srt" ? `${number + 1}\n${times}\n${line}\n` : `${times}\n${line.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}\n`;
  });
  return (form === "vtt" ? "WEBVTT\n\n" : "") + written.join("\n");
}

/** Words that are shown together. */
function group(text, words) {
  const cues = [];
  for (const word of words) {
    const cue = cues.at(-1);
    if (cue && !mustBreak(text, cue, word)) cue.push(word);
    else cues.push([word]);
  }
  return cues;
}

function mustBreak(text, cue, word) {
  const [first, last] = [cue[0], cue.at(-1)];
  const between = text.slice(last.to, word.from);
  return (
    SENTENCE_END.test(between) ||
    word.start - last.end > LONG_GAP_S ||
    word.end - first.start > MAX_S ||
    width(bare(text.slice(first.from, word.to))) > MAX_WIDTH
  );
}

/** The cue's text with its punctuation, on one line or two. */
function shown(text, cue, next) {
  const end = next ? next[0].from : text.length;
  const whole = bare(text.slice(cue[0].from, end)).replace(/\s+/g, " ").replace(/[\s"“‘«([]+$/u, "").trim();
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
