// What follows a claim: thanks to the giver, once, and where to go next.

import { nextCards } from "../miniprogram/shared/afterwards.js";
import { THANKS, THANK_YOUS, thanksAsk } from "../miniprogram/shared/story.js";
import { nextList, waysOn } from "./afterwards.js";
import { post } from "./api.js";
import { attempt, el, fill, icon } from "./dom.js";

/** Return the element in which a winner thanks the giver; `signal` ends with the page. */
export function thanking(task, signal) {
  const said = el("p.problem", { role: "alert" });
  const place = el("div.stack", { tabindex: -1 });

  async function send(sign) {
    place.inert = true;
    await attempt(said, async () => {
      await post("/thank", { code: task.code, sign });
      task.thanks = sign;
      if (!signal.aborted) show();
    }).finally(() => { place.inert = false; });
    place.focus({ preventScroll: true });
  }

  function show() {
    if (task.thanks) fill(place, el("p.good.row", { role: "status" }, icon(task.thanks), THANKS.done));
    else {
      fill(place, el("p.label", {}, thanksAsk(task)), el("div.thank-yous", { role: "group", "aria-label": thanksAsk(task) },
        Object.entries(THANK_YOUS).map(([sign, words]) => el("button", { onclick: () => send(sign) }, icon(sign, 20), words))), said);
    }
  }

  show();
  return place;
}

/** Return what a winner who claimed finds. */
export const thanks = (task, signal) => [thanking(task, signal), el("h3", {}, THANKS.next), nextList(nextCards(task.code)), waysOn(task)];
