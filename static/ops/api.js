// The operator's interfaces: parameters in, the reply out, refusals thrown.

import { known, t } from "./words.js";

const TIMEOUT_MS = 10_000;

/** A refusal, or no reply at all ("unreachable"). `message` is for the operator. */
export class Refused extends Error {
  constructor(error, message) {
    super(message);
    this.error = error;
  }
}

let onLoggedOut = () => {};

/** Call this whenever the server says that nobody is logged in. */
export function whenLoggedOut(listener) {
  onLoggedOut = listener;
}

export const get = (path, parameters = {}) => request(`${path}?${new URLSearchParams(parameters)}`, {});

export const post = (path, parameters = {}) =>
  request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(parameters) });

async function request(address, options) {
  let reply;
  try {
    const response = await fetch(address, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
    reply = await response.json();
  } catch {
    throw new Refused("unreachable", t("unreachable")); // no reply came, or a proxy answered
  }
  if (!reply.status) return reply;
  if (reply.error === "token_required") onLoggedOut();
  const key = `error_${reply.error}`;
  // The server's message is Chinese. If it says more than our text, our Chinese text is just "{0}".
  throw new Refused(reply.error, known(key) ? t(key, reply.msg) : t("error_other", reply.msg, reply.error));
}
