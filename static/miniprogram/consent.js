// Asks a person's consent to messages after they left the page: one consent per message, asked where the message
// makes sense, and never twice for the same occasion.

import { offerOf as nameOf } from "./shared/prizes.js";
import { NOT_OFFERED, OFFERS } from "./shared/words.js";
import { api, requestMessages } from "./wechat.js";

const KEY = "wabao.asked";
const KEPT = 200;

/** Return what may be offered now, null if nothing. Call it before the tap: only during a tap does WeChat ask. */
export async function offerOf(task) {
  const name = nameOf(task);
  return name ? offered(name, [name, task.code, name === "cooldown" ? task.cd_until : ""].join(":")) : null;
}

/** Return the offer of messages to somebody who follows a publisher. At most once a day: one consent is good
    for one message. */
export const offerOfFollow = (publisherId) => offered("follow", `follow:${publisherId}:${new Date().toDateString()}`);

async function offered(name, occasion) {
  if (asked().includes(occasion)) return null;
  const { kinds, text, button, done } = OFFERS[name];
  const templates = (await api.get("/getTemplates")).templates.filter(({ kind }) => kinds.includes(kind));
  const missing = templates.filter(({ left }) => !left).map(({ template_id }) => template_id);
  const reminds = kinds.includes("cooldown_over");
  if (!(reminds ? templates : missing).length) return null;
  return { occasion, text, button, done, reminds, main: name === "opening", missing: [...new Set(missing)] };
}

/** Ask, during a tap. Resolves with a text that says whether a message will come. */
export async function accept({ occasion, done, reminds, missing }, code) {
  const accepted = missing.length ? await requestMessages(missing) : [];
  wx.setStorageSync(KEY, [...asked(), occasion].slice(-KEPT));
  if (accepted.length) await api.post("/subscribed", { templates: accepted.join(",") });
  const comes = accepted.length > 0 || !missing.length;
  if (comes && reminds) await api.post("/remind", { code });
  return comes ? done : NOT_OFFERED;
}

function asked() {
  return wx.getStorageSync(KEY) || [];
}
