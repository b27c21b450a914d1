// Messages to somebody who left: they allow one of each kind, asked where it makes sense and never twice.

import { secondsUntil } from "./shared/clock.js";
import { api, requestMessages } from "./wechat.js";

const KEY = "wabao.asked";
const KEPT = 200;
const LONG_SECONDS = 60; // a shorter cooldown is waited for
const NOT_TO_CLAIM = ["withheld", "expiring", "returned"]; // a deadline is nothing to be reminded of
const OFFERS = {
  won: { kinds: ["won", "claim_ends"], button: "到期前提醒我领奖" },
  published: { kinds: ["ended", "refused"], button: "结束时通知我" },
  cooldown: { kinds: ["cooldown_over"], button: "冷却结束提醒我" },
};

/** Return what may be offered now, null if nothing. Read it before the tap: WeChat asks only within one. */
export async function offerOf(task) {
  const name = nameOf(task);
  if (!name) return null;
  const occasion = [name, task.code, name === "cooldown" ? task.cd_until : ""].join(":");
  if (asked().includes(occasion)) return null;
  const { kinds, button } = OFFERS[name];
  const offered = (await api.get("/getTemplates")).templates.filter(({ kind }) => kinds.includes(kind));
  const missing = offered.filter(({ left }) => !left).map(({ template_id }) => template_id);
  const reminds = name === "cooldown";
  if (!(reminds ? offered : missing).length) return null;
  return { occasion, button, reminds, missing: [...new Set(missing)] };
}

/** Ask, within a tap. Resolves with whether a message will come. */
export async function accept({ occasion, reminds, missing }, code) {
  const accepted = missing.length ? await requestMessages(missing) : [];
  wx.setStorageSync(KEY, [...asked(), occasion].slice(-KEPT));
  if (accepted.length) await api.post("/subscribed", { templates: accepted.join(",") });
  const comes = accepted.length > 0 || !missing.length;
  if (comes && reminds) await api.post("/remind", { code });
  return comes;
}

function nameOf(task) {
  if (task.is_prize) return task.is_draw || NOT_TO_CLAIM.includes(task.prize_state) ? "" : "won";
  if (task.status || task.need_pay) return "";
  if (task.mine) return "published";
  return secondsUntil(task.cd_until) > LONG_SECONDS ? "cooldown" : "";
}

function asked() {
  return wx.getStorageSync(KEY) || [];
}
