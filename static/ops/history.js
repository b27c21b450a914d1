// The last 15 minutes, second by second, from the feed.

export const SECONDS = 900;
// A late second is younger than this. An older second means that the server's clock was set back.
const SET_BACK_SECONDS = 60;

export class History {
  #fields = [];
  #seconds = new Map();

  /** The newest known second, in unix seconds; 0 if there is none yet. */
  newest = 0;

  /** Begin anew with a history frame. */
  begin(frame) {
    this.#fields = frame.fields;
    this.#seconds.clear();
    this.newest = 0;
    this.add(frame.seconds);
  }

  /** Take seconds; one that comes again replaces its earlier version. */
  add(seconds) {
    let before = this.newest; // seconds that come together may come in any order
    for (const values of seconds) {
      const second = Object.fromEntries(this.#fields.map((name, place) => [name, values[place]]));
      if (second.at < before - SET_BACK_SECONDS) this.#goBackTo((before = second.at));
      this.#seconds.set(second.at, second);
      this.newest = Math.max(this.newest, second.at);
    }
    for (const at of this.#seconds.keys()) if (at <= this.newest - SECONDS) this.#seconds.delete(at);
  }

  /** Forget what seems to be still to come: the server's clock was set back. */
  #goBackTo(newest) {
    for (const at of this.#seconds.keys()) if (at > newest) this.#seconds.delete(at);
    this.newest = newest;
  }

  /** Return a second; undefined if it is not known. */
  get(at) {
    return this.#seconds.get(at);
  }

  /** Return the known seconds, in no particular order. */
  all() {
    return this.#seconds.values();
  }
}
