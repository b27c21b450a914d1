// Who is logged in, in this window: two windows can be two people.

const KEY = "wabao.person";
const memory = new Map();
const changed = new EventTarget();

/**
 * Return the value of a key of "localStorage" or "sessionStorage", or null. Browsers may block both and throw;
 * then the page remembers only while it is open.
 */
export function recall(storage, key) {
  if (memory.has(key)) return memory.get(key);
  try {
    return JSON.parse(globalThis[storage].getItem(key));
  } catch {
    return null; // blocked, or not what we wrote
  }
}

/** Keep a value for `recall`. */
export function keep(storage, key, value) {
  memory.delete(key);
  try {
    globalThis[storage].setItem(key, JSON.stringify(value));
  } catch {
    memory.set(key, value); // blocked, or full
  }
}

/** A value that is kept there under a key, as shared modules take it. */
export const stored = (storage, key) => ({ get: () => recall(storage, key), set: (value) => keep(storage, key, value) });

/** The person as userLogin described them ({unionid, token, nickName, avatarUrl, named, …}), or null. */
export let person = recall("sessionStorage", KEY);

export function remember(someone) {
  person = someone;
  keep("sessionStorage", KEY, someone);
  changed.dispatchEvent(new Event("change"));
}

/** Call `listener` after each login, logout and change of name, until `signal` aborts. */
export function onChange(listener, signal) {
  changed.addEventListener("change", listener, { signal });
}
