/** The API key, where the server wants one. Kept for this visit, and beyond it only if the user says so. */

import { byId } from "./dom.js";

const KEPT = "kokoro-player-key";

/** Tells "wanted" when the server refuses what it was given, and "change" when there is another. */
class ApiKey extends EventTarget {
  #key = kept();

  get isSet() {
    return this.#key !== "";
  }

  get isKept() {
    return kept() !== "";
  }

  /** What goes with every request. */
  get headers() {
    return this.isSet ? { authorization: `Bearer ${this.#key}` } : {};
  }

  /** The server said 401. */
  refused() {
    this.dispatchEvent(new Event("wanted"));
  }

  /** @param {string} key empty: none @param {boolean} keep in this browser */
  set(key, keep) {
    this.#key = key;
    keepOnly(keep ? key : "");
    this.dispatchEvent(new Event("change"));
  }
}

export const apiKey = new ApiKey();

/** The field for it: out of sight until the server wants a key, or while there is one. */
export function bindKeyField() {
  const [card, field, keep, forget] = ["key-card", "key", "keep-key", "forget-key"].map(byId);
  const show = () => {
    card.hidden = !apiKey.isSet && card.dataset.wanted === undefined;
    keep.checked = apiKey.isKept;
    forget.hidden = !apiKey.isSet;
  };
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    apiKey.set(field.value.trim(), keep.checked);
    field.value = "";
  });
  forget.addEventListener("click", () => apiKey.set("", false));
  apiKey.addEventListener("change", show);
  apiKey.addEventListener("wanted", () => {
    card.dataset.wanted = "";
    show();
    field.focus();
  });
  show();
}

function kept() {
  try {
    return localStorage.getItem(KEPT) ?? "";
  } catch {
    return ""; // storage is forbidden
  }
}

function keepOnly(key) {
  try {
    if (key) localStorage.setItem(KEPT, key);
    else localStorage.removeItem(KEPT);
  } catch {
    // Then it is for this visit.
  }
}
