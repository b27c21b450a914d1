// Goods by mail after their address is here: the publisher names the parcel, the winner says that it came.

import { post } from "./api.js";
import { asMoment, secondsUntil } from "../miniprogram/shared/clock.js";
import { CARRIERS } from "../miniprogram/shared/words.js";
import { attempt, el, fill, write } from "./dom.js";

const DAY_MS = 86_400_000;

/** Where goods by mail are: the words for each state of their prize. */
export const BY_MAIL = { won: "待填地址", given: "待寄出", sent: "已寄出", received: "已收到" };

/** Return the lines that name a parcel and its times; null before it is sent. */
export function parcel({ carrier, number, sent_at, received_at }) {
  if (!sent_at) return null;
  const came = received_at ? `，${asMoment(received_at)} 收到` : "";
  return el("p.address", {},
    number ? [el("bdi", {}, carrier), " ", el("bdi", {}, number), el("br")] : null,
    el("span.hint", {}, `${asMoment(sent_at)} 寄出${came}`));
}

/** Return what a publisher does about a winner's parcel: name it, and within a day correct it. */
export function shipping(code, winner, onSent) {
  const { depth, state, sent_at } = winner;
  const root = el("div.shipping");
  const problem = el("p.problem", { role: "alert" });

  const form = () => {
    const field = (tag, name, label, attributes, ...options) =>
      el("div.field", {}, el("label", { for: `${name}-${depth}` }, label),
        el(tag, { id: `${name}-${depth}`, name, required: true, autocomplete: "off", ...attributes }, ...options));
    const carriers = CARRIERS.map((name) => el("option", { selected: name === winner.carrier }, name));
    const made = el("form.stack", { onsubmit: (event) => { event.preventDefault(); send(); } },
      el("div.pair", {},
        field("select", "carrier", "快递公司", {}, el("option", { value: "" }, "请选择"), ...carriers),
        field("input", "number", "运单号", { maxlength: 50, value: winner.number })),
      problem,
      el("div", {}, el("button", { type: "submit" }, state === "sent" ? "改好了" : "已寄出")));
    const send = () => {
      write(problem, "");
      made.inert = true;
      attempt(problem, async () => {
        await post("/shipPrize", { code, depth, ...Object.fromEntries(new FormData(made)) });
        await onSent();
      }).finally(() => { made.inert = false; });
    };
    return made;
  };

  if (state === "given") fill(root, form());
  else if (state === "sent" && secondsUntil(sent_at + DAY_MS)) {
    const correct = () => {
      fill(root, form());
      root.querySelector("select").focus();
    };
    fill(root, el("button.link", { onclick: correct }, "改快递信息"));
  }
  return root;
}
