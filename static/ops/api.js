// The operator's interfaces: parameters in, the reply out, refusals thrown.

import { known, t } from "./words.js";

const TIMEOUT_MS = 10_000;
const TABLE_MS = 300_000; // time for the table of a month's winners
const KEPT_MS = 60_000;

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

export const post = (path, parameters = {}, timeoutMs = TIMEOUT_MS) =>
  request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(parameters) }, timeoutMs);

/** Post, and let the browser keep the reply, a table, under this name. */
export async function download(path, parameters, name) {
  const { file } = await post(path, parameters, TABLE_MS);
  const address = URL.createObjectURL(file);
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}

async function request(address, options, timeoutMs = TIMEOUT_MS) {
  let reply;
  try {
    const response = await fetch(address, { ...options, signal: AbortSignal.timeout(timeoutMs) });
    const isTable = response.headers.get("Content-Type").startsWith("text/csv");
    reply = isTable ? { file: await response.blob() } : await response.json();
  } catch {
    throw new Refused("unreachable", t("unreachable")); // no reply came, or a proxy answered
  }
  if (!reply.status) return reply;
  if (reply.error === "token_required") onLoggedOut();
  const key = `error_${reply.error}`;
  // The server's message is Chinese. If it says more than our text, our Chinese text is just "{0}".
  throw new Refused(reply.error, known(key) ? t(key, reply.msg) : t("error_other", reply.msg, reply.error));
}
