// Asks a person's consent to messages after they left the page: one consent per message, asked where the message makes
// sense, and never twice for the same occasion. In WeChat `wx.requestSubscribeMessage` asks; here a dialog does, and
// the sandbox plays WeChat.

import { callWeChat, get, post } from "./api.js";
import { ask } from "./dialog.js";
import { attempt, el, fill, set } from "./dom.js";
import { offerOf } from "../miniprogram/shared/prizes.js";
import { NOT_OFFERED, OFFERS } from "../miniprogram/shared/words.js";
import { keep, person, recall } from "./session.js";

const ASKED = "wabao.asked"; // the occasions at which somebody was asked: [unionid, occasion]
const KEPT = 200;
const TICK_MS = 1000;
const TITLES = {
  won: "中奖领取提醒", claim_ends: "领奖到期提醒", ended: "宝贝结束通知", refused: "审核结果通知", cooldown_over: "冷却结束提醒", opening: "开挖提醒", announced: "新宝贝提醒",
};

/** Return an element with `show(task)`, which offers what fits the task's state, or nothing. */
export function consent(signal) {
  const element = el("div");
  if (document.documentElement.dataset.messages !== "1") return { element, show() {}, showFollow() {} };
  let shown = "";
  let last = null; // the task shown last: what may be offered also changes with time
  const ticking = setInterval(() => last && show(last), TICK_MS);
  signal.addEventListener("abort", () => clearInterval(ticking));

  function show(task) {
    last = task;
    const name = offerOf(task);
    present(name, name && [name, task.code, ...(name === "cooldown" ? [task.cd_until] : [])].join(":"), task.code);
  }

  /** Offer the next message of a followed publisher, at most once a day; "" if the person follows nobody here. */
  function showFollow(publisherId) {
    present("follow", publisherId && `follow:${publisherId}:${new Date().toDateString()}`);
  }

  function present(name, occasion, code) {
    if (occasion === shown) return;
    shown = occasion;
    fill(element);
    if (!occasion || wasAsked(occasion)) return;
    offer(name, occasion, code).catch((error) => {
      if (!error.error) throw error; // without a reply nothing is offered
    });
  }

  async function offer(name, occasion, code) {
    const { kinds, text, button: label, done } = OFFERS[name];
    const { templates } = await get("/getTemplates");
    const offered = templates.filter(({ kind }) => kinds.includes(kind));
    const missing = offered.filter(({ left }) => !left);
    const reminds = kinds.includes("cooldown_over");
    if (signal.aborted || occasion !== shown || !(reminds ? offered : missing).length) return;
    const said = el("p.problem", { role: "alert" });
    const opens = name === "opening"; // until then there is nothing else to do
    const button = el(opens ? "button.primary" : "button", { onclick: () => agree() }, label);
    const section = el("section.panel.stack.consent", { "aria-label": "提醒", tabindex: -1 }, el("p", {}, text), said, button);

    async function agree() {
      set(button, { disabled: true });
      await attempt(said, async () => {
        const allowed = !missing.length || (await allow(missing, opens ? [name] : missing.map(({ kind }) => kind)));
        noteAsked(occasion);
        if (allowed && reminds) await post("/remind", { code });
        fill(section, el("p.hint", { role: "status" }, allowed ? done : NOT_OFFERED));
        section.focus({ preventScroll: true }); // the button that had the focus is gone
      }).finally(() => set(button, { disabled: false }));
    }

    fill(element, section);
  }

  return { element, show, showFollow };
}

/** Ask for one message of each template, which are for `kinds`; resolves to whether any was allowed. */
async function allow(templates, kinds) {
  const names = kinds.map((kind) => `“${TITLES[kind]}”`).join("和");
  const agreed = await ask("微信：允许发送通知？", `挖宝想给你发一次${names}。开发环境：由沙箱扮演微信。`, "允许");
  const tmplIds = [...new Set(templates.map(({ template_id }) => template_id))];
  const answer = await callWeChat("/subscribe", { user: recall("sessionStorage", "wabao.user"), tmplIds, decline: agreed ? 0 : 1 });
  const accepted = tmplIds.filter((id) => answer[id] === "accept");
  if (accepted.length) await post("/subscribed", { templates: accepted.join(",") });
  return accepted.length > 0;
}

function wasAsked(occasion) {
  return (recall("localStorage", ASKED) ?? []).some(([who, what]) => who === person.unionid && what === occasion);
}

function noteAsked(occasion) {
  keep("localStorage", ASKED, [...(recall("localStorage", ASKED) ?? []), [person.unionid, occasion]].slice(-KEPT));
}
