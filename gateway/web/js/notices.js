/** What the page says: errors where they are seen, with what to do; and quiet words to screen readers. */

import { byId, element, icon } from "./dom.js";

export class Notices {
  #box = byId("notice");
  #status = byId("status");
  #timer = 0;

  /** A word to those who do not see the page. @param {string} text */
  say(text) {
    this.#status.textContent = text;
  }

  /**
   * Something went wrong. A server that is busy says when to come back: the time is counted down.
   * @param {Error & {retryAfterS?: number | null, mayPass?: boolean}} error
   * @param {() => void} [retry]
   */
  show(error, retry) {
    this.clear();
    const message = element("p", {}, error.message);
    const parts = [message];
    if (error.retryAfterS != null) {
      const seconds = Math.ceil(error.retryAfterS);
      const countdown = element("span", { "aria-hidden": "true" });
      // Spoken once; seen, it counts.
      message.append(" ", countdown, element("span", { className: "hidden" }, `Try again in ${seconds} seconds.`));
      this.#countDown(countdown, seconds);
    }
    if (retry && error.mayPass) parts.push(element("button", { type: "button", onclick: () => this.#retry(retry) }, "Try again"));
    parts.push(this.#closer());
    this.#box.append(...parts);
  }

  clear() {
    clearInterval(this.#timer);
    this.#box.replaceChildren();
  }

  #retry(retry) {
    this.clear();
    byId("play").focus(); // the button that had the focus is gone
    retry();
  }

  #closer() {
    const close = () => this.clear();
    return element("button", { type: "button", className: "small", "aria-label": "Dismiss", onclick: close }, icon("cross"));
  }

  #countDown(span, seconds) {
    const until = Date.now() + 1000 * seconds;
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      span.textContent = left > 0 ? `Try again in ${left} s.` : "Try again now.";
      if (left <= 0) clearInterval(this.#timer);
    };
    this.#timer = setInterval(tick, 250);
    tick();
  }
}
