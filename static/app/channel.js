// The realtime channel: one websocket for all watched tasks.
//
// A subscriber gets each dig of the task exactly once and in order. The server promises that per connection.
// Across connections it holds because we ask for the digs after the last one that we delivered (`since`).

import { observe } from "./clock.js";
import { person } from "./session.js";

const SILENCE_MS = 15_000; // after it we ask whether the server is still there
const SILENCE_IN_SIGHT_MS = 5_000; // the same, while somebody looks at a task
const ANSWER_MS = 6_000;
const LONGEST_DELAY_MS = 15_000;
const UNAVAILABLE_MS = 2_000;

// What to do after a close, by its code: reconnect after a random time up to this many milliseconds, or not.
const AFTER_CLOSE = {
  1001: { within_ms: 5_000 }, // the server is stopping; all its clients come back, so not all at once
  4001: { log_in: true },
  4004: {},
  4008: { within_ms: 500 },
  4009: {},
  4010: {}, // the person opened a newer page: reconnecting would close that one
};

class Channel extends EventTarget {
  #socket = null;
  #subscriptions = new Map();
  #attempt = 0;
  #timer = 0;
  #quiet = 0;
  #wanted = false;
  #missed = false;

  /**
   * Whether frames come in. Events: "lost"; "found" after a loss, so read anew what was missed; "refused", so
   * log in again; "over", which does not reconnect.
   */
  open = false;

  /** Connect as the person who is logged in, and stay connected until `close`. */
  connect() {
    this.#wanted = true;
    this.#attempt = 0;
    this.#missed = false;
    this.#connect();
  }

  close() {
    this.#wanted = false;
    this.#subscriptions.clear();
    this.#drop();
  }

  /**
   * Call `deliver` with each frame of a task. `seq` is the dig up to which the caller knows everything.
   * A snapshot that leaps over digs is marked `leapt`: the caller must read the task anew.
   * Returns a function that ends the subscription.
   */
  subscribe(code, seq, deliver) {
    const subscription = { seq, deliver, seen: new Set(["cd", "join", "prize"]) };
    this.#subscriptions.set(code, subscription);
    this.#ask(code, subscription);
    return () => {
      if (this.#subscriptions.get(code) !== subscription) return;
      this.#subscriptions.delete(code);
      this.#send({ action: "unsubscribe", code });
    };
  }

  #connect() {
    clearTimeout(this.#timer);
    if (!this.#wanted || this.#socket) return;
    const address = new URL("/ws", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.search = new URLSearchParams({ unionid: person.unionid, token: person.token });
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onopen = () => {
      for (const [code, subscription] of this.#subscriptions) this.#ask(code, subscription);
      this.#send({ action: "ping" }); // only a reply shows that we are let in: a refused socket opens too
      this.#listen();
    };
    socket.onmessage = (event) => {
      const frame = JSON.parse(event.data);
      if (frame.type !== "error") this.#found(); // an error may come just before a close
      this.#listen();
      this.#receive(frame);
    };
    socket.onclose = (event) => {
      if (this.#socket === socket) this.#lost(event.code);
    };
    this.#listen();
  }

  #found() {
    this.#attempt = 0;
    if (this.open) return;
    this.open = true;
    if (this.#missed) this.dispatchEvent(new Event("found"));
    this.#missed = false;
  }

  #lost(closeCode) {
    this.#drop();
    this.#missed = true;
    this.dispatchEvent(new Event("lost"));
    const after = AFTER_CLOSE[closeCode] ?? { within_ms: 500 * 2 ** this.#attempt };
    this.#attempt += 1;
    this.#wanted = Boolean(after.within_ms); // if false, `retry` does not reconnect either
    if (after.log_in) this.dispatchEvent(new Event("refused"));
    else if (!after.within_ms) this.dispatchEvent(new Event("over"));
    else {
      const delay = Math.random() * Math.min(after.within_ms, LONGEST_DELAY_MS);
      this.#timer = setTimeout(() => this.#connect(), delay);
    }
  }

  // A dead connection may take minutes to close, so we drop it and ignore what it still says.
  #drop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#quiet);
    const socket = this.#socket;
    this.#socket = null;
    this.open = false;
    socket?.close();
  }

  #listen() {
    clearTimeout(this.#quiet);
    const inSight = this.#subscriptions.size && !document.hidden;
    const patience = this.open ? (inSight ? SILENCE_IN_SIGHT_MS : SILENCE_MS) : ANSWER_MS;
    this.#quiet = setTimeout(() => (this.open ? this.probe() : this.#lost(0)), patience);
  }

  /** Ask whether the server is still there; if it does not answer soon, the connection counts as lost. */
  probe() {
    if (!this.#socket) return;
    this.#send({ action: "ping" });
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#lost(0), ANSWER_MS);
  }

  /** The browser says that the network is gone: do not wait for a silence. */
  cut() {
    if (this.#wanted && this.#socket) this.#lost(0);
  }

  /** The browser says that the network is back: do not wait for the next try. */
  retry() {
    if (this.#wanted && !this.#socket) this.#connect();
  }

  // Ask for the last dig again: the connection may have ended between its frames.
  #ask(code, { seq }) {
    const since = Math.max(0, seq - 1);
    this.#send({ action: "subscribe", code, since, ticks: false }); // we count down by ourselves
  }

  // A store is down: the server could not subscribe us, but keeps the connection.
  #askLater(code, subscription) {
    setTimeout(() => {
      if (this.#subscriptions.get(code) === subscription) this.#ask(code, subscription);
    }, UNAVAILABLE_MS * (1 + Math.random()));
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #receive(frame) {
    if (frame.server_time) observe(frame.server_time);
    const subscription = this.#subscriptions.get(frame.code);
    if (subscription && frame.error === "unavailable") this.#askLater(frame.code, subscription);
    if (subscription && this.#isNew(subscription, frame)) subscription.deliver(frame);
  }

  #isNew(subscription, frame) {
    const { seq, seen } = subscription;
    switch (frame.type) {
      case "snapshot":
        frame.leapt = frame.seq !== seq;
        subscription.seq = frame.seq;
        subscription.seen = new Set(["cd", "join", "prize"]);
        return true;
      case "cd":
        if (frame.seq <= seq) return false;
        if (frame.seq > seq + 1) {
          this.#ask(frame.code, subscription);
          return false;
        }
        subscription.seq = frame.seq;
        subscription.seen = new Set(["cd"]);
        return true;
      case "join":
      case "prize":
      case "end":
        if (frame.seq !== seq || seen.has(frame.type)) return false;
        seen.add(frame.type);
        return true;
      default:
        return true;
    }
  }
}

export const channel = new Channel();
