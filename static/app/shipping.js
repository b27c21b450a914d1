// Goods by mail after their address is here: the publisher names the parcel, the winner says that it came.

import { post } from "./api.js";
import { shippingStep } from "../miniprogram/shared/prizes.js";
import { CARRIERS, WINNERS, parcelWords } from "../miniprogram/shared/words-later.js";
import { attempt, el, fill, write } from "./dom.js";
import { askWaiting } from "./waiting.js";

/** Return the lines that name a parcel and its times; null before it is sent. */
export function parcel(goods) {
  const { carrier, number, sent_at } = goods;
  if (!sent_at) return null;
  return el("p.address", {},
    number ? [el("bdi", {}, carrier), " ", el("bdi", {}, number), el("br")] : null,
    el("span.hint", {}, parcelWords(goods)));
}

/** Return what a publisher does about a winner's parcel: name it, and within a day correct it. */
export function shipping(task, winner, onSent) {
  const { depth, state } = winner;
  const root = el("div.shipping");
  const problem = el("p.problem", { role: "alert" });

  const form = () => {
    const field = (tag, name, label, attributes, ...options) =>
      el("div.field", {}, el("label", { for: `${name}-${depth}` }, label),
        el(tag, { id: `${name}-${depth}`, name, required: true, autocomplete: "off", ...attributes }, ...options));
    const carriers = CARRIERS.map((name) => el("option", { selected: name === winner.carrier }, name));
    const made = el("form.stack", { onsubmit: (event) => { event.preventDefault(); send(); } },
      el("div.pair", {},
        field("select", "carrier", WINNERS.carrier, {}, el("option", { value: "" }, WINNERS.choose), ...carriers),
        field("input", "number", WINNERS.number, { maxlength: 50, value: winner.number })),
      problem,
      el("div", {}, el("button", { type: "submit" }, state === "sent" ? WINNERS.corrected : WINNERS.sent)));
    const send = () => {
      write(problem, "");
      made.inert = true;
      attempt(problem, async () => {
        await post("/shipPrize", { code: task.code, depth, ...Object.fromEntries(new FormData(made)) });
        await Promise.all([onSent(), askWaiting()]);
      }).finally(() => { made.inert = false; });
    };
    return made;
  };

  const step = shippingStep(winner);
  if (step === "name") fill(root, form());
  else if (step === "correct") {
    const correct = () => {
      fill(root, form());
      root.querySelector("select").focus();
    };
    fill(root, el("button.link", { onclick: correct }, WINNERS.correct));
  }
  return root;
}
