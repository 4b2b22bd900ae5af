/** From a dropped file to text that is worth hearing. */

const MAX_BYTES = 20_000_000;

/** @param {File} file @returns {Promise<string>} raises an Error in words for people */
export async function textOf(file) {
  if (file.size > MAX_BYTES) throw new Error(`${file.name} is larger than 20 MB.`);
  const text = decode(await file.arrayBuffer()).replace(/\r\n?/g, "\n");
  if (text.includes("\0")) throw new Error(`${file.name} is no text file. Plain text, Markdown and subtitles can be read.`);
  if (/\.(srt|vtt)$/i.test(file.name)) return fromSubtitles(text);
  return /\.(md|markdown)$/i.test(file.name) ? fromMarkdown(text) : text;
}

/** UTF-8, or UTF-16 where it says so, or else what old Windows files are in. */
function decode(buffer) {
  const [first, second] = new Uint8Array(buffer);
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(buffer);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(buffer);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(buffer);
  } catch {
    return new TextDecoder("windows-1252").decode(buffer);
  }
}

/** What is said, without numbers, times and styles. */
function fromSubtitles(text) {
  const cues = text.split(/\n{2,}/).filter((block) => block.includes("-->"));
  const said = cues.map((cue) => cue.slice(cue.indexOf("\n", cue.indexOf("-->")) + 1).replace(/<[^>]+>/g, ""));
  return said.map((lines) => lines.trim().replace(/\n/g, " ")).filter(Boolean).join("\n");
}

/** What a person would read out: no signs of headings, lists, emphasis and links, no code. */
function fromMarkdown(text) {
  return text
    .replace(/^---\n[\s\S]*?\n---\n/, "")
    .replace(/^(```|~~~)[\s\S]*?^\1.*$/gm, "")
    .replace(/^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*$/gm, "$1")
    .replace(/^[ \t]*[-*+][ \t]+/gm, "")
    .replace(/^[ \t]*>[ \t]?/gm, "")
    .replace(/^[ \t]*(?:[-*_][ \t]*){3,}$/gm, "")
    .replace(/!\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\[([^\]]+)\]\((?!\/[^)]*\/\))[^)]*\)/g, "$1")
    .replace(/(\*\*|__)(?=\S)(.+?)(?<=\S)\1/g, "$2")
    .replace(/(?<![\w*])([*_])(?=\S)([^*_\n]+?)(?<=\S)\1(?![\w*])/g, "$2")
    .replace(/`([^`\n]+)`/g, "$1")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}
