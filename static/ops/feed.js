// The board, read every two seconds while somebody is logged in, and how old it is.

import { get } from "./api.js";
import { Reread } from "./reread.js";

/** Event: "board", with the reply as `detail`. Pages that show its data ask `ageMs()` whether it is still fresh. */
export class Feed extends EventTarget {
  #reread = null;
  #heard = -Infinity;
  #offset = 0;

  /** Read, and read again until `close`. */
  connect() {
    this.close();
    this.#reread = new Reread(() => get("/ops/board"), (reply) => this.#take(reply), () => {});
  }

  close() {
    this.#reread?.stop();
    this.#reread = null;
    this.#heard = -Infinity;
  }

  /** How long ago the last reply came, in milliseconds; Infinity if none ever did. */
  ageMs() {
    return performance.now() - this.#heard;
  }

  /** The server's clock, unix milliseconds. */
  now() {
    return Date.now() + this.#offset;
  }

  #take(reply) {
    this.#heard = performance.now();
    this.#offset = reply.now - Date.now();
    this.dispatchEvent(new CustomEvent("board", { detail: reply }));
  }
}
