// What a review asks for: the agreement, the privacy policy, whom to contact, and a treasure's rules.

import { TEXTS } from "../miniprogram/shared/words.js";
import { get } from "./api.js";
import { dialog, readInto } from "./dialog.js";
import { el } from "./dom.js";

/** Return the links at a page's foot. They work before a login too. */
export function textLinks() {
  const link = (label, said) => el("button.link", { onclick: () => tell(label, async () => said(await get("/getTexts"))) }, label);
  return el("nav.texts", { "aria-label": "协议和联系" },
    Object.entries(TEXTS).map(([name, label]) => link(label, (texts) => el("p.text", {}, texts[name]))),
    link("联系客服", ({ contact }) => el("p.text", {}, contact || "请在微信小程序“我的”里点“联系客服”。")));
}

/** Return the button that shows a treasure's rules. */
export function rulesButton({ code }) {
  const said = async () => (await get("/getRules", { code })).rules.map(({ title, text }) =>
    el("div", {}, el("h3", {}, title), el("p", {}, text)));
  return el("button.quiet", { onclick: () => tell("活动规则", said) }, "活动规则");
}

/** Open a dialog with what `read` resolves with. */
function tell(title, read) {
  const shown = el("div.stack");
  dialog(title, shown);
  readInto(shown, "正在读取…", read);
}
