/** The page: what a click does, and what is seen and heard of it. */

import { fetchVoices } from "./api.js";
import { Cast } from "./cast.js";
import { bindControls } from "./controls.js";
import { byId, clock, setIcon } from "./dom.js";
import { Downloads } from "./downloads.js";
import { Editor } from "./editor.js";
import { apiKey, bindKeyField } from "./key.js";
import { Mixer } from "./mixer.js";
import { Notices } from "./notices.js";
import { Player } from "./player.js";
import { Reader } from "./reader.js";
import { Sampler } from "./sampler.js";
import { requestOf, Session } from "./session.js";
import { Settings } from "./settings.js";
import { VoiceList } from "./voices.js";
import { Waveform } from "./waveform.js";

const DEFAULT_VOICE = "af_heart";
const SKIP_S = 5;
const WORDS = { waiting: "Waiting for the first words", playing: "Playing", buffering: "Buffering", paused: "Paused", ended: "Finished", idle: "Stopped" };
const ACTIVE = ["waiting", "playing", "buffering"];

const settings = new Settings();
const notices = new Notices();
const complain = (error, retry) => notices.show(error, retry);
const player = new Player();
const reader = new Reader(byId("reader"));
const waveform = new Waveform(byId("wave"));
const sampler = new Sampler();
const editor = new Editor(settings, complain);
const voices = new VoiceList(byId("voices"), byId("language"), settings, sampler, complain);
const mixer = new Mixer(byId("mixer"), settings, () => voices.names);
const cast = new Cast(settings, insertTag, complain);
/** @type {Session | null} */
let session = null;

/** Speak the text as it stands, from its start. */
async function speakText() {
  if (!editor.text.trim()) {
    showText();
    editor.focus();
    notices.show(new Error("There is no text to speak yet. Type one, or drop a file."));
    return;
  }
  session?.cancel();
  sampler.stop();
  notices.clear();
  const mine = (session = new Session(requestOf(editor.text, settings), player, reader));
  showReading();
  try {
    await mine.run();
  } catch (error) {
    if (player.arrived === 0) stop();
    notices.show(error, speakText);
  }
}

function playOrPause() {
  if (ACTIVE.includes(player.state)) player.pause();
  else if (session && isCurrent() && (session.isWhole || player.state !== "ended")) {
    sampler.stop();
    showReading();
    player.play();
  } else speakText();
}

/** Whether what was asked for is still what the page says. */
const isCurrent = () => session.key === JSON.stringify(requestOf(editor.text, settings));

function stop() {
  session?.cancel();
  session = null;
  player.close();
  showText();
}

function showReading() {
  const hadFocus = document.activeElement === byId("text");
  swap(true);
  if (hadFocus) byId("reader").focus({ preventScroll: true });
}

function showText() {
  const hadFocus = byId("reader").contains(document.activeElement);
  swap(false);
  if (hadFocus) editor.focus();
}

function swap(isReading) {
  byId("reader").hidden = !isReading;
  for (const id of ["text", "open", "clear", "example"]) byId(id).hidden = isReading;
  byId("edit").hidden = !session;
  byId("edit").lastChild.textContent = isReading ? "Edit text" : "Read along";
}

/** While it plays, the text may be changed for the next time. */
function editOrRead() {
  if (byId("reader").hidden) swap(true);
  else showText();
  (byId("reader").hidden ? byId("text") : byId("reader")).focus();
}

function insertTag(tag) {
  showText();
  editor.insert(tag);
}

/** Show all that changes while it plays, once a frame as long as it does. */
function showProgress() {
  const { position, arrived, isComplete } = player;
  const total = session?.total ?? 0;
  reader.follow(position);
  waveform.show({ values: session?.peaks.values ?? [], arrived, total, position });
  byId("now").textContent = clock(position);
  byId("total").textContent = `${isComplete || !session ? "" : "about "}${clock(total)}`;
  byId("progress").textContent = progressText();
  if (player.state === "playing") requestAnimationFrame(showProgress);
}

function progressText() {
  if (!session) return "";
  if (player.state === "waiting") return "Getting the first words…";
  if (player.state === "buffering") return "Waiting for more…";
  return player.isComplete ? "" : `${Math.round(100 * session.share)} % spoken`;
}

function showState() {
  const { state } = player;
  const isActive = ACTIVE.includes(state);
  document.body.dataset.state = state;
  byId("play").setAttribute("aria-label", isActive ? "Pause" : "Play");
  setIcon(byId("play").firstElementChild, isActive ? "pause" : "play");
  byId("stop").disabled = state === "idle";
  notices.say(WORDS[state]);
  showProgress();
}

function onKey(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    speakText();
  } else if (event.key === "Escape" && session) {
    stop();
    editor.focus();
  } else if (!event.ctrlKey && !event.metaKey && !event.altKey && !isControl(event.target)) {
    const act = { " ": playOrPause, ArrowLeft: () => player.seek(player.position - SKIP_S), ArrowRight: () => player.seek(player.position + SKIP_S) }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

const isControl = (target) => target.closest("input, textarea, select, button, summary, a") !== null;

async function loadVoices() {
  try {
    const { voices: found, default_voice: byDefault = DEFAULT_VOICE } = await fetchVoices();
    voices.show(found, byDefault);
    cast.offer(voices.names);
    mixer.show();
  } catch (error) {
    notices.show(error, loadVoices);
  }
}

function listen() {
  byId("play").addEventListener("click", playOrPause);
  byId("stop").addEventListener("click", stop);
  byId("edit").addEventListener("click", editOrRead);
  addEventListener("keydown", onKey);
  player.addEventListener("state", showState);
  player.addEventListener("seek", showProgress);
  // Between frames of playing, and where none are drawn, arrivals are what there is to show.
  setInterval(() => session && player.state !== "playing" && showProgress(), 250);
  for (const part of [reader, waveform]) part.addEventListener("pick", ({ detail }) => player.seek(detail));
  reader.addEventListener("beyond", () => notices.say("These words have not been spoken yet."));
  sampler.addEventListener("change", () => sampler.voice && ACTIVE.includes(player.state) && player.pause());
  editor.addEventListener("cast", () => cast.show());
  addEventListener("unhandledrejection", ({ reason }) => notices.show(reason));
}

/** For tests, and for the curious: what is heard, as numbers. */
window.kokoroPlayer = {
  /** "idle", "waiting", "playing", "buffering", "paused" or "ended" */
  get state() {
    return player.state;
  },
  /** Seconds into the speech. */
  get position() {
    return player.position;
  },
  /** Seconds that have arrived. */
  get arrived() {
    return player.arrived;
  },
  /** Whether all has arrived. */
  get isComplete() {
    return player.isComplete;
  },
  /** How loud it is now, as the root mean square of the samples, 0…1. */
  get level() {
    return player.level;
  },
  /** Milliseconds from the click to the first sound. */
  get firstSoundMs() {
    return player.firstSoundAt - player.openedAt;
  },
  /** Words that have arrived, with their times. */
  get words() {
    return reader.words;
  },
};

bindControls(settings, player);
bindKeyField();
apiKey.addEventListener("change", () => {
  notices.clear();
  loadVoices();
});
new Downloads(settings, notices, () => {
  const isOurs = session !== null && isCurrent();
  const body = isOurs ? session.body : requestOf(editor.text, settings);
  return { body, player, reader, isWhole: isOurs && session.isWhole };
});
listen();
showState();
notices.say("");
loadVoices();
