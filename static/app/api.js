// The REST interfaces: parameters in, the reply out, refusals thrown. What a reply means is up to the pages.

import { person, remember } from "./session.js";

const TIMEOUT_MS = 15_000;
const UPLOAD_TIMEOUT_MS = 120_000;
const DIG_TRIES = 7;
const LOG_IN_AGAIN = ["bad_token", "token_required", "not_logged_in"];

/** A reply with status 1. `message` is for the person, `error` is its code, `reply` the whole reply. */
export class Refused extends Error {
  constructor(reply, httpStatus) {
    super(reply.msg);
    this.error = reply.error;
    this.reply = reply;
    this.httpStatus = httpStatus;
  }
}

/** No reply came: whether the request was carried out is unknown. */
class Unreachable extends Error {
  constructor() {
    super("网络不通，请检查网络后再试");
    this.error = "unreachable";
  }
}

/** Whether the same request may succeed later: no reply came, a store was down, or the outcome is unknown. */
export function mayPass(error) {
  return error instanceof Unreachable || (error instanceof Refused && error.httpStatus === 503);
}

export async function get(path, parameters = {}) {
  const address = `${path}?${new URLSearchParams(identified(parameters))}`;
  try {
    return await request(address, {});
  } catch (error) {
    if (!mayPass(error)) throw error;
    await pause(400);
    return await request(address, {});
  }
}

/** POST JSON, once: most POSTs must not happen twice. */
export function post(path, parameters = {}) {
  return request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(identified(parameters)),
  });
}

/**
 * Dig. The reply can be lost although the dig was made. So the client names each dig: asked again with the
 * same name, the server returns that dig's reply instead of digging twice.
 */
export async function dig(code) {
  const digId = crypto.getRandomValues(new Uint32Array(4)).join("_");
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await post("/postTask", { code, dig_id: digId });
    } catch (error) {
      if (!mayPass(error) || attempt === DIG_TRIES) throw error;
      await pause(200 * 2 ** attempt * (0.5 + Math.random() / 2));
    }
  }
}

/** Upload a picture; `onProgress` gets the share that is sent, 0 to 1. XHR, since fetch does not tell it. */
export function upload(file, onProgress) {
  const form = new FormData();
  form.append("unionid", person.unionid);
  form.append("file", file);
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", "/uploadFile");
    sending.setRequestHeader("Authorization", `Bearer ${person.token}`);
    sending.responseType = "json";
    sending.timeout = UPLOAD_TIMEOUT_MS;
    sending.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    sending.onerror = sending.ontimeout = () => reject(new Unreachable());
    sending.onload = () => {
      const reply = sending.response;
      if (reply === null) reject(new Unreachable());
      else if (reply.status) reject(refusal(reply, sending.status));
      else resolve(reply);
    };
    sending.send(form);
  });
}

/** Log in under any name: in development the sandbox plays WeChat. */
export async function logIn(user) {
  const asked = await reach(`/sandbox/authorize?${new URLSearchParams({ user, nickname: user })}`, {});
  if (!asked.ok) throw new Refused({ msg: "沙箱没有接受这个名字，请换一个", error: "bad_request" }, asked.status);
  const { code, iv, encryptedData } = await asked.json();
  const reply = await request(`/userLogin?${new URLSearchParams({ code, iv, encryptedData })}`, {}, false);
  remember(reply.data);
}

/** Log out, here and on all other devices. If no reply comes, only here: the token may stay valid elsewhere. */
export async function logOut() {
  const ending = post("/logout");
  remember(null);
  await ending.catch((error) => {
    if (!error.error) throw error;
  });
}

/** Call one of WeChat's functions, played by the sandbox; it answers with an errMsg, like WeChat. */
export async function callWeChat(path, body) {
  const response = await reach(`/sandbox${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const { errMsg } = await response.json();
  if (!response.ok) throw new Refused({ msg: `微信没有完成：${errMsg}`, error: "wechat" }, response.status);
}

/** Fetch an interface's reply as a file. It needs the token, so a plain link will not do. */
export async function getFile(path, parameters) {
  const address = `${path}?${new URLSearchParams(identified(parameters))}`;
  const response = await reach(address, { headers: { Authorization: `Bearer ${person.token}` } });
  if (response.headers.get("Content-Type").startsWith("application/json")) throw refusal(await response.json(), response.status);
  return response.blob();
}

function identified(parameters) {
  const given = { unionid: person?.unionid, ...parameters };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null));
}

async function request(address, options, asPerson = true) {
  const headers = { ...options.headers };
  if (asPerson && person) headers.Authorization = `Bearer ${person.token}`;
  const response = await reach(address, { ...options, headers });
  const reply = await response.json().catch(() => {
    throw new Unreachable(); // no JSON: a proxy answered, not our server
  });
  if (reply.status) throw refusal(reply, response.status);
  return reply;
}

async function reach(address, options) {
  try {
    return await fetch(address, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new Unreachable(); // fetch throws only if no reply came
  }
}

function refusal(reply, httpStatus) {
  if (LOG_IN_AGAIN.includes(reply.error)) remember(null);
  return new Refused(reply, httpStatus);
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
