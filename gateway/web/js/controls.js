/** The plain controls: speed, loudness, language, volume. Each shows and sets one setting. */

import { byId, element } from "./dom.js";

const SPEEDS = [0.25, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.5, 1.75, 2, 2.5, 3, 3.5, 4];
const LANGUAGES = {
  "": "the voice's language",
  a: "American English",
  b: "British English",
  e: "Spanish",
  f: "French",
  h: "Hindi",
  i: "Italian",
  j: "Japanese",
  p: "Brazilian Portuguese",
  z: "Mandarin Chinese",
};

/** @param {import("./settings.js").Settings} settings @param {import("./player.js").Player} player */
export function bindControls(settings, player) {
  bindSpeed(settings);
  const loudness = bindRange("loudness", settings, (value) => `${Math.round(100 * value)} %`);
  loudness(settings.get("loudness"));
  const volume = bindRange("volume", settings, (value) => `${Math.round(100 * value)} percent`);
  volume(settings.get("volume"));
  player.volume = settings.get("volume");
  settings.addEventListener("volume", () => (player.volume = settings.get("volume")));

  const readAs = byId("read-as");
  readAs.replaceChildren(...Object.entries(LANGUAGES).map(([value, label]) => element("option", { value }, label)));
  readAs.value = settings.get("readAs");
  readAs.addEventListener("change", () => settings.set("readAs", readAs.value));
  const normalise = byId("normalise");
  normalise.checked = settings.get("normalise");
  normalise.addEventListener("change", () => settings.set("normalise", normalise.checked));
}

function bindSpeed(settings) {
  const [slider, shown] = [byId("speed"), byId("speed-value")];
  const show = (speed) => {
    shown.textContent = `${speed} ×`;
    slider.setAttribute("aria-valuetext", `${speed} times`);
  };
  const nearest = (speed) => SPEEDS.reduce((best, one) => (Math.abs(one - speed) < Math.abs(best - speed) ? one : best));
  slider.max = String(SPEEDS.length - 1);
  slider.value = String(SPEEDS.indexOf(nearest(settings.get("speed"))));
  show(settings.get("speed"));
  slider.addEventListener("input", () => {
    settings.set("speed", SPEEDS[Number(slider.value)]);
    show(settings.get("speed"));
  });
}

function bindRange(name, settings, written) {
  const [slider, shown] = [byId(name), byId(`${name}-value`)];
  const show = (value) => {
    slider.value = String(value);
    slider.setAttribute("aria-valuetext", written(value));
    if (shown) shown.textContent = written(value);
  };
  slider.addEventListener("input", () => {
    settings.set(name, Number(slider.value));
    show(settings.get(name));
  });
  return show;
}
