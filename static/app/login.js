// Logging in. In development the sandbox plays WeChat and takes any name. Otherwise only the mini-program can
// log people in, and this page says so.

import { asMoment } from "../miniprogram/shared/clock.js";
import { leavesAt } from "../miniprogram/shared/words-later.js";
import { logIn } from "./api.js";
import { attempt, el, fill, icon, notice } from "./dom.js";
import { person } from "./session.js";
import { textLinks } from "./texts.js";

const NAMES = ["小明", "小红", "阿强", "老王", "朵朵", "大熊"];

export function login(root) {
  const problem = el("p.problem", { role: "alert" });
  const name = el("input", {
    id: "user", name: "user", maxlength: 32, autocomplete: "off", placeholder: "可以不填，会送你一个名字",
  });
  const enter = async () => {
    form.inert = true;
    await attempt(problem, async () => {
      await logIn(name.value.trim());
      if (person.delete_at) notice(leavesAt(asMoment(person.delete_at)));
    }).finally(() => {
      form.inert = false;
      name.focus();
    });
  };
  const form = el(
    "form.panel.stack",
    { onsubmit: (event) => { event.preventDefault(); enter(); } },
    el("label", { for: "user" }, "你是谁"),
    name,
    el(
      "div.chips",
      { role: "group", "aria-label": "常用的名字" },
      NAMES.map((user) => el("button.chip", { onclick: () => { name.value = user; enter(); } }, user)),
    ),
    problem,
    el("button.primary", { type: "submit" }, "进入"),
    el("p.hint", {}, "开发环境：沙箱代替微信登录，报哪个名字就是谁。每个窗口各登录各的，开两个窗口就是两个人。"),
  );
  root.classList.add("narrow");
  fill(root, welcome(), form, textLinks());
  return "登录";
}

/** If WeChat is configured: say where to go. `shared` is the code or share token of the link, or null. */
export function miniProgram(root, shared) {
  const picture = el("img.code", { alt: "小程序码", width: 240, height: 240 });
  picture.addEventListener("error", () => picture.remove(), { once: true });
  picture.src = `/miniProgramCode?${new URLSearchParams(shared ? { code: shared } : {})}`;
  root.classList.add("narrow");
  fill(
    root,
    welcome(),
    el(
      "section.panel.stack.centred",
      {},
      picture,
      el("p", {}, shared ? "用微信扫一扫，在小程序里打开这个宝贝" : "用微信扫一扫，打开挖宝小程序"),
      el("p.hint", {}, "挖宝在微信小程序里进行：登录和领奖都由微信完成，网页上无法登录。"),
    ),
    textLinks(),
  );
  return "";
}

function welcome() {
  const first = Number(document.documentElement.dataset.fairStartMs) ? "冷却一结束大家一起抢，同时按下的抽签" : "冷却一结束，谁先按下谁先挖";
  return el(
    "div.welcome",
    {},
    el("div.emblem", {}, icon("shovel", 44)),
    el("h1", {}, "挖宝"),
    el("p", {}, `有人埋下宝贝，大家一锹一层往下挖。每挖一锹就要冷却；${first}。`),
  );
}
