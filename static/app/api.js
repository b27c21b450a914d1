// The REST interfaces over fetch, and what only a page does: uploads with their progress, downloads, the sandbox.

import { asQuery, makeApi, Refused, Unreachable } from "../miniprogram/shared/api.js";
import { lostPresses } from "../miniprogram/shared/afterwards.js";
import { makeHalves } from "../miniprogram/shared/halves.js";
import { NOT_DONE } from "../miniprogram/shared/words.js";
import { keep, person, remember, stored } from "./session.js";

export { mayPass, Refused } from "../miniprogram/shared/api.js";

const TIMEOUT_MS = 15_000;
const UPLOAD_TIMEOUT_MS = 120_000;

const api = makeApi({
  send,
  person: () => person,
  async refused() {
    remember(null); // this shows the login
    return false;
  },
});
export const { get, post, dig, repeatDigs } = api;

export const { takeHalf, publishWith, notedHalf, noteCommitment, notedCommitment } = makeHalves({
  get,
  post,
  person: () => person,
  random: async (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  next: stored("sessionStorage", "wabao.half"), // two windows may publish at once
  noted: stored("localStorage", "wabao.halves"),
  seen: stored("localStorage", "wabao.commitments"),
});
export const { noteLost, lostOf } = lostPresses(stored("sessionStorage", "wabao.lost"), () => person);

/** Load a module that the first view does not need: `needed(() => import("./publish.js"))`. Raises Unreachable. */
export function needed(load) {
  return load().catch(() => {
    throw new Unreachable();
  });
}

/** Upload a picture; `onProgress` gets the share sent so far, 0 to 1. It uses XHR, since fetch reports no progress. */
export function upload(file, onProgress) {
  const form = new FormData();
  form.append("unionid", person.unionid);
  form.append("file", file);
  const request = () => new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", "/uploadFile");
    sending.setRequestHeader("Authorization", `Bearer ${person.token}`);
    sending.responseType = "json";
    sending.timeout = UPLOAD_TIMEOUT_MS;
    sending.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    sending.onerror = sending.ontimeout = () => reject(new Unreachable());
    sending.onload = () => {
      if (sending.response === null) reject(new Unreachable());
      else resolve({ httpStatus: sending.status, reply: sending.response });
    };
    sending.send(form);
  });
  return api.asPerson(request);
}

/** Log in under any name: in development the sandbox plays WeChat. */
export async function logIn(nickname) {
  const user = nickname || `new-${Math.random().toString(36).slice(2)}`; // somebody who was never here
  const asked = await reach(`/sandbox/authorize?${asQuery({ user, nickname: nickname || null })}`, {});
  const badName = asked.status === 400;
  if (!asked.ok) throw new Refused({ msg: badName ? "沙箱没有接受这个名字，请换一个" : "现在登录不了，请稍后再试", error: badName ? "bad_request" : "sandbox" }, asked.status);
  keep("sessionStorage", "wabao.user", user); // whom the sandbox asks for a consent
  const ticket = await asked.json();
  remember(await api.logIn(nickname ? ticket : { code: ticket.code })); // a code alone brings no name and no picture
}

/** Log out, here and on all other devices. If no reply comes, this logs out only here: the token may stay valid. */
export async function logOut() {
  const ending = post("/logout");
  remember(null);
  await ending.catch((error) => {
    if (!error.error) throw error;
  });
}

/** Call one of WeChat's functions, played by the sandbox, and return its answer. Its `errMsg` is English, not for people. */
export async function callWeChat(path, body) {
  const response = await reach(`/sandbox${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Refused({ msg: NOT_DONE[answer.errMsg.split(":")[0]], error: "wechat" }, response.status);
  return answer;
}

/** Fetch an interface's reply as a file. It needs the token, so a plain link will not do. */
export async function getFile(path, parameters) {
  const address = `${path}?${asQuery(api.identified(parameters))}`;
  let file = null;
  await api.asPerson(async () => {
    const response = await reach(address, { headers: api.authorized() });
    if (response.headers.get("Content-Type").startsWith("application/json")) return asReply(response);
    file = await response.blob();
    return { httpStatus: response.status, reply: {} };
  });
  return file;
}

async function send({ method, address, headers, body }) {
  const options = { method, headers };
  if (body !== undefined) {
    options.headers = { ...headers, "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  return asReply(await reach(address, options));
}

async function asReply(response) {
  const reply = await response.json().catch(() => {
    throw new Unreachable(); // no JSON: a proxy answered, not our server
  });
  return { httpStatus: response.status, reply };
}

async function reach(address, options) {
  try {
    return await fetch(address, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new Unreachable(); // fetch throws only if no reply came
  }
}
