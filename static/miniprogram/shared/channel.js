// The realtime channel, for any client: one websocket for all watched tasks.
//
// A subscriber gets each dig of the task exactly once and in order. The server promises that per connection.
// Across connections it holds because we ask for the digs after the last one that we delivered (`since`).

const SILENCE_MS = 15000; // after it we ask whether the server is still there
const SILENCE_IN_SIGHT_MS = 5000; // the same, while somebody looks at a task
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
 * Return a channel over a transport:
 *
 * - `openSocket({ opened, said, closed })` connects to `/ws` as the person who is logged in, and returns `{ send, close }`.
 *   It calls `opened()`, `said(text)` for each frame, and at the end `closed(code)`, 0 where there is no code.
 *   None of them is called before it has returned.
 * - `inSight()` says whether somebody looks at the client now.
 * - `observe(serverTime)` is told the server's clock (unix ms) with each frame that has it.
 */
export function makeChannel({ openSocket, inSight, observe }) {
  const subscriptions = new Map();
  const listeners = { lost: new Set(), found: new Set(), refused: new Set(), over: new Set(), service: new Set() };
  let socket = null;
  let ready = false; // it takes messages
  let answered = false; // frames come in
  let attempt = 0;
  let timer = 0;
  let quiet = 0;
  let wanted = false;
  let missed = false;
  let toldMs = 0; // how long the last error frame asked us to wait

  const tell = (what, ...told) => listeners[what].forEach((listener) => listener(...told));

  function open() {
    clearTimeout(timer);
    if (!wanted || socket) return;
    const mine = openSocket({
      opened() {
        if (socket !== mine) return;
        ready = true;
        subscriptions.forEach((subscription, code) => ask(code, subscription));
        send({ action: "ping" }); // only a reply shows that we are let in: a refused socket opens too
        listen();
      },
      said(text) {
        if (socket !== mine) return;
        const frame = JSON.parse(text);
        if (frame.type !== "error") found(); // an error may come just before a close
        listen();
        receive(frame);
      },
      closed(code) {
        if (socket === mine) lost(code);
      },
    });
    socket = mine;
    listen();
  }

  function found() {
    attempt = 0;
    if (answered) return;
    answered = true;
    if (missed) tell("found");
    missed = false;
  }

  function lost(closeCode) {
    drop();
    missed = true;
    const after = AFTER_CLOSE[closeCode] || { within_ms: 500 * 2 ** attempt };
    attempt += 1;
    wanted = Boolean(after.within_ms); // if false, `retry` does not reconnect either
    if (wanted) {
      const delay = Math.random() * Math.min(after.within_ms, LONGEST_DELAY_MS);
      timer = setTimeout(open, delay + (after.as_told ? toldMs : 0));
    }
    tell("lost");
    if (after.log_in) tell("refused");
    else if (!after.within_ms) tell("over");
  }

  // A dead connection may take minutes to close, so we drop it and ignore what it still says.
  function drop() {
    clearTimeout(timer);
    clearTimeout(quiet);
    const dropped = socket;
    socket = null;
    ready = false;
    answered = false;
    if (dropped) dropped.close();
  }

  function listen() {
    clearTimeout(quiet);
    const watched = subscriptions.size && inSight();
    const patience = answered ? (watched ? SILENCE_IN_SIGHT_MS : SILENCE_MS) : ANSWER_MS;
    quiet = setTimeout(() => (answered ? probe() : lost(0)), patience);
  }

  function probe() {
    if (!socket) return;
    send({ action: "ping" });
    clearTimeout(quiet);
    quiet = setTimeout(() => lost(0), ANSWER_MS);
  }

  // Ask for the last dig again: the connection may have ended between its frames.
  function ask(code, { seq }) {
    send({ action: "subscribe", code, since: Math.max(0, seq - 1), ticks: false }); // we count down by ourselves
  }

  // A store is down: the server could not subscribe us, but keeps the connection.
  function askLater(code, subscription) {
    setTimeout(() => {
      if (subscriptions.get(code) === subscription) ask(code, subscription);
    }, UNAVAILABLE_MS * (1 + Math.random()));
  }

  function send(message) {
    if (ready) socket.send(JSON.stringify(message));
  }

  function receive(frame) {
    if (frame.server_time) observe(frame.server_time);
    if (frame.type === "error") toldMs = 1000 * (frame.retry_after || 0);
    if (frame.type === "service") tell("service", frame.state);
    const subscription = subscriptions.get(frame.code);
    if (subscription && frame.error === "unavailable") askLater(frame.code, subscription);
    if (subscription && isNew(subscription, frame)) subscription.deliver(frame);
  }

  function isNew(subscription, frame) {
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
          ask(frame.code, subscription);
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

  return {
    /** Whether frames come in. */
    isOpen: () => answered,

    /** Connect as the person who is logged in, and stay connected until `close`. */
    connect() {
      wanted = true;
      attempt = 0;
      missed = false;
      open();
    },

    close() {
      wanted = false;
      subscriptions.clear();
      drop();
    },

    /**
     * Call `listener` at an event: "lost"; "found" after a loss, so read anew what was missed; "refused", so log in
     * again; "over", which does not reconnect; "service" with the server's own state. Returns a function that ends that.
     */
    on(what, listener) {
      listeners[what].add(listener);
      return () => listeners[what].delete(listener);
    },

    /**
     * Call `deliver` with each frame of a task. `seq` is the dig up to which the caller knows everything.
     * A snapshot that leaps over digs is marked `leapt`: the caller must read the task anew.
     * Returns a function that ends the subscription.
     */
    subscribe(code, seq, deliver) {
      const subscription = { seq, deliver, seen: new Set(["cd", "join", "prize"]) };
      subscriptions.set(code, subscription);
      ask(code, subscription);
      return () => {
        if (subscriptions.get(code) !== subscription) return;
        subscriptions.delete(code);
        send({ action: "unsubscribe", code });
      };
    },

    /** Ask whether the server is still there; if it does not answer soon, the connection counts as lost. */
    probe,

    /** The network is gone: do not wait for a silence. */
    cut() {
      if (wanted && socket) lost(0);
    },

    /** The network is back: do not wait for the next try. */
    retry() {
      if (wanted && !socket) open();
    },
  };
}
