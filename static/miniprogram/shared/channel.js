// The realtime channel, for any client: one websocket for all watched tasks.
//
// A subscriber gets each dig of the task exactly once and in order. The server promises that per connection. Across
// connections the same holds because we ask for the digs after the last one that we delivered (`since`).

const SILENCE_MS = 15000; // after this silence we ask whether the server is still there
const SILENCE_IN_SIGHT_MS = 5000; // the same silence, while somebody looks at a task
const ANSWER_MS = 6000;
const LONGEST_DELAY_MS = 15000;
const UNAVAILABLE_MS = 2000;

// What to do after a close, by its code: reconnect after a random time up to this many milliseconds, or not.
const AFTER_CLOSE = {
  1001: { within_ms: 5000 }, // the server is stopping; all its clients come back, so not all at once
  4001: { log_in: true },
  4004: {},
  4008: { within_ms: 500 },
  4009: {},
  4029: { within_ms: 5000, as_told: true }, // too many new sockets: the frame before said when to come back
  4010: {}, // the person opened a newer page: reconnecting would close that one
};

/**
 * The channel, over a transport:
 *
 * - `openSocket({ opened, said, closed })` connects to `/ws` as the person who is logged in, and returns `{ send, close }`.
 *   It calls `opened()`, `said(text)` for each frame, and at the end `closed(code)`, 0 where there is no code.
 *   None of them is called before it has returned.
 * - `inSight()` says whether somebody looks at the client now.
 * - `observe(serverTime)` is told the server's clock (unix ms) with each frame that has it.
 */
export class Channel {
  constructor({ openSocket, inSight, observe }) {
    this.openSocket = openSocket;
    this.inSight = inSight;
    this.observe = observe;
    this.subscriptions = makeSubscriptions((message) => this.send(message));
    this.listeners = { lost: new Set(), found: new Set(), refused: new Set(), over: new Set(), service: new Set() };
    this.socket = null;
    this.ready = false; // the socket takes messages
    this.answered = false; // frames come in
    this.attempt = 0;
    this.timer = 0;
    this.quiet = 0;
    this.wanted = false;
    this.missed = false;
    this.toldMs = 0; // how long the last error frame asked us to wait
  }

  /** Whether frames come in. */
  isOpen() {
    return this.answered;
  }

  /** Connect as the person who is logged in, and stay connected until `close`. */
  connect() {
    this.wanted = true;
    this.attempt = 0;
    this.missed = false;
    this.open();
  }

  close() {
    this.wanted = false;
    this.subscriptions.clear();
    this.drop();
  }

  /**
   * Call `listener` at an event: "lost"; "found" after a loss, so read anew what was missed; "refused", so log in
   * again; "over", which does not reconnect; "service" with the server's own state. Returns a function that
   * stops the calls.
   */
  on(what, listener) {
    this.listeners[what].add(listener);
    return () => this.listeners[what].delete(listener);
  }

  /**
   * Call `deliver` with each frame of a task. `seq` is the dig up to which the caller knows everything.
   * A snapshot that leaps over digs is marked `leapt`: the caller must read the task anew.
   * Returns a function that ends the subscription.
   */
  subscribe(code, seq, deliver) {
    return this.subscriptions.add(code, seq, deliver);
  }

  /** Cheer at a watched task with one of the server's signs. */
  cheer(code, sign) {
    this.send({ action: "cheer", code, sign });
  }

  /** Ask whether the server is still there; if it does not answer soon, the connection counts as lost. */
  probe() {
    if (!this.socket) return;
    this.send({ action: "ping" });
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.lost(0), ANSWER_MS);
  }

  /** The network is gone: close at once, without waiting for a silence. */
  cut() {
    if (this.wanted && this.socket) this.lost(0);
  }

  /** The network is back: do not wait for the next try. */
  retry() {
    if (this.wanted && !this.socket) this.open();
  }

  // What follows is private.

  tell(what, ...told) {
    this.listeners[what].forEach((listener) => listener(...told));
  }

  send(message) {
    if (this.ready) this.socket.send(JSON.stringify(message));
  }

  open() {
    clearTimeout(this.timer);
    if (!this.wanted || this.socket) return;
    const ifMine = (act) => (told) => this.socket === mine && act(told);
    const mine = this.openSocket({
      opened: ifMine(() => this.opened()),
      said: ifMine((text) => this.said(JSON.parse(text))),
      closed: ifMine((code) => this.lost(code)),
    });
    this.socket = mine;
    this.listen();
  }

  opened() {
    this.ready = true;
    this.subscriptions.ask();
    this.send({ action: "ping" }); // only a reply shows that we are let in: a refused socket opens too
    this.listen();
  }

  said(frame) {
    if (frame.type !== "error") this.found(); // an error may come just before a close
    this.listen();
    if (frame.server_time) this.observe(frame.server_time);
    if (frame.type === "error") this.toldMs = 1000 * (frame.retry_after || 0);
    if (frame.type === "service") this.tell("service", frame.state);
    this.subscriptions.receive(frame);
  }

  found() {
    this.attempt = 0;
    if (this.answered) return;
    this.answered = true;
    if (this.missed) this.tell("found");
    this.missed = false;
  }

  lost(closeCode) {
    this.drop();
    this.missed = true;
    const after = AFTER_CLOSE[closeCode] || { within_ms: 500 * 2 ** this.attempt };
    this.attempt += 1;
    this.wanted = Boolean(after.within_ms); // if false, `retry` does not reconnect either
    if (this.wanted) {
      const delay = Math.random() * Math.min(after.within_ms, LONGEST_DELAY_MS);
      this.timer = setTimeout(() => this.open(), delay + (after.as_told ? this.toldMs : 0));
    }
    this.tell("lost");
    if (after.log_in) this.tell("refused");
    else if (!after.within_ms) this.tell("over");
  }

  // A dead connection may take minutes to close, so we drop it and ignore what it still says.
  drop() {
    clearTimeout(this.timer);
    clearTimeout(this.quiet);
    const dropped = this.socket;
    this.socket = null;
    this.ready = false;
    this.answered = false;
    if (dropped) dropped.close();
  }

  listen() {
    clearTimeout(this.quiet);
    const watched = this.subscriptions.any() && this.inSight();
    const patience = this.answered ? (watched ? SILENCE_IN_SIGHT_MS : SILENCE_MS) : ANSWER_MS;
    this.quiet = setTimeout(() => (this.answered ? this.probe() : this.lost(0)), patience);
  }
}

/** Return the watched tasks, over what sends a message if the connection takes one. */
function makeSubscriptions(send) {
  const subscriptions = new Map(); // by code

  function askSince(code, since) {
    send({ action: "subscribe", code, since, ticks: false }); // we count down by ourselves
  }

  // Ask for the last dig again: the connection may have ended between its frames.
  function ask(code, subscription) {
    subscription.doubted = false;
    askSince(code, Math.max(0, subscription.seq - 1));
  }

  // A store is down: the server could not subscribe us, but keeps the connection.
  function askLater(code, subscription) {
    setTimeout(() => {
      if (subscriptions.get(code) === subscription) ask(code, subscription);
    }, UNAVAILABLE_MS * (1 + Math.random()));
  }

  return {
    any: () => subscriptions.size > 0,
    ask: () => subscriptions.forEach((subscription, code) => ask(code, subscription)),
    clear: () => subscriptions.clear(),

    add(code, seq, deliver) {
      const subscription = { seq, deliver, seen: new Set(["cd", "join", "prize"]), doubted: false };
      subscriptions.set(code, subscription);
      ask(code, subscription);
      return () => {
        if (subscriptions.get(code) !== subscription) return;
        subscriptions.delete(code);
        send({ action: "unsubscribe", code });
      };
    },

    receive(frame) {
      const subscription = subscriptions.get(frame.code);
      if (!subscription) return;
      if (frame.error === "unavailable") askLater(frame.code, subscription);
      if (frame.type === "snapshot" && frame.seq < subscription.seq && !subscription.doubted) {
        // This process knows less than we do. If we ask for more than it knows, it reads first.
        subscription.doubted = true;
        askSince(frame.code, subscription.seq);
        return;
      }
      if (frame.type === "cd" && frame.seq > subscription.seq + 1) ask(frame.code, subscription);
      else if (isNew(subscription, frame)) subscription.deliver(frame);
    },
  };
}

/** Return whether a frame tells what its subscriber does not know yet, and note what they know with it. */
function isNew(subscription, frame) {
  const { seq, seen } = subscription;
  switch (frame.type) {
    case "snapshot":
      frame.leapt = frame.seq !== seq || subscription.doubted;
      subscription.doubted = false;
      subscription.seq = frame.seq;
      subscription.seen = new Set(["cd", "join", "prize"]);
      return true;
    case "cd":
      if (frame.seq <= seq) return false;
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
