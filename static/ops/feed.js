// The feed: one websocket that brings everything, its reconnecting, and how old its last frame is.

import { Refused, get } from "./api.js";

const SESSION_OVER = 4001;
const SILENCE_MS = 6_000; // frames come each second: a socket without any is dead
const HISTORY_MS = 60_000; // the first frame: the history takes long on a slow line
const FIRST_DELAY_MS = 400;
const LONGEST_DELAY_MS = 5_000;

/**
 * Events: "history", "heartbeat" and "board", each with the frame as `detail`; "refused" if nobody is logged in.
 *
 * Pages that show its data ask `ageMs()` whether the data is still fresh.
 */
export class Feed extends EventTarget {
  #socket = null;
  #attempt = 0;
  #timer = 0;
  #silence = 0;
  #heard = -Infinity;
  #offset = 0;

  /** Connect, and stay connected until `close`. */
  connect() {
    clearTimeout(this.#timer);
    const address = new URL("/ops/feed", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    this.#socket?.close();
    this.#socket = socket;
    socket.onopen = () => this.#socket === socket && this.#listen(HISTORY_MS);
    socket.onmessage = (event) => this.#socket === socket && this.#receive(JSON.parse(event.data));
    socket.onclose = (event) => this.#socket === socket && this.#lost(event.code);
    this.#listen();
  }

  close() {
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#socket = null;
    this.#heard = -Infinity;
    socket?.close();
  }

  /** How long ago the last frame came, in milliseconds; Infinity if none ever did. */
  ageMs() {
    return performance.now() - this.#heard;
  }

  /** The server's clock, unix milliseconds. */
  now() {
    return Date.now() + this.#offset;
  }

  #receive(frame) {
    this.#attempt = 0;
    this.#heard = performance.now();
    if (frame.type !== "board") this.#offset = frame.now - Date.now(); // a new socket may get an old board
    this.#listen();
    this.dispatchEvent(new CustomEvent(frame.type, { detail: frame }));
  }

  #listen(silenceMs = SILENCE_MS) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(), silenceMs);
  }

  #lost(code) {
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    if (code === SESSION_OVER) {
      this.dispatchEvent(new Event("refused"));
      return;
    }
    // A refused handshake and a dead server look alike here. An HTTP request tells them apart: if nobody is
    // logged in any more, the login appears.
    if (this.#attempt) this.#askWho();
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempt) * (0.5 + Math.random() / 2);
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.connect(), delay);
  }

  async #askWho() {
    try {
      const { name } = await get("/ops/me");
      if (!name) this.dispatchEvent(new Event("refused"));
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused; // after a refusal: the next try asks again
    }
  }
}
