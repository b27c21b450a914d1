// Data that is read again and again while its page is shown, and how old it is.

import { Refused } from "./api.js";

const AGAIN_MS = 2_000; // even with a slow answer the data is then at most 3 s old

/**
 * Reads at once, and again until `stop`; not while the page is hidden.
 *
 * `show(reply)` gets each reply, `complain(text)` what went wrong, "" if nothing did.
 */
export class Reread {
  #read;
  #show;
  #complain;
  #stopped = new AbortController();
  #timer = 0;
  #turn = 0;
  #shownAt = null;

  constructor(read, show, complain) {
    this.#read = read;
    this.#show = show;
    this.#complain = complain;
    document.addEventListener("visibilitychange", () => document.hidden || this.now(), { signal: this.#stopped.signal });
    this.now();
  }

  /** The age of the shown data, in milliseconds since it was asked for; 0 if nothing is shown. */
  ageMs() {
    return this.#shownAt === null ? 0 : performance.now() - this.#shownAt;
  }

  stop() {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  /** Read now, since something has changed. */
  async now() {
    clearTimeout(this.#timer);
    this.#turn += 1;
    const turn = this.#turn;
    const askedAt = performance.now();
    let reply = null;
    let refused = null;
    try {
      reply = await this.#read();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refused = error;
    }
    if (this.#stopped.signal.aborted || turn !== this.#turn) return;
    if (refused?.error !== "no_such_task" && !document.hidden) this.#timer = setTimeout(() => this.now(), AGAIN_MS);
    this.#complain(refused ? refused.message : "");
    if (refused) return;
    this.#shownAt = askedAt;
    this.#show(reply);
  }
}
