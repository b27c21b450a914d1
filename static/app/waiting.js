// What waits for a person to act: a number at the tab, and lines at the top of their own page.

import { waiting } from "../miniprogram/shared/cards.js";
import { WAITING, waitingWords } from "../miniprogram/shared/words.js";
import { get } from "./api.js";
import { el, fill, set } from "./dom.js";
import { person } from "./session.js";

const number = el("b.badge", { "aria-hidden": "true" });
const spoken = el("span.unseen");
const panel = el("section.panel.stack", { "aria-labelledby": "waiting" });
const list = el("ul.waiting");
panel.append(el("h2", { id: "waiting" }, WAITING.title), list);

/** What stands in the tab beside its name. */
export const badge = [number, spoken];
/** What the person's own page begins with. */
export const waitingPanel = panel;
let shown = "";
let asks = 0;

/** Show what `/getMyInfo` says waits. */
export function showWaiting(toDo) {
  const now = JSON.stringify(toDo);
  if (now === shown) return; // keep the focus
  shown = now;
  fill(number, toDo.length || null);
  set(number, { hidden: !toDo.length });
  fill(spoken, toDo.length ? waitingWords(toDo.length) : null);
  set(panel, { hidden: !toDo.length });
  fill(list, toDo.map(waiting).map(({ code, name, said, act, opens, wanted }) => el("li", {},
    el("div", {}, el("b", {}, name), el("p.hint", {}, said)),
    el("a.button.primary", { href: opens === "winners" ? `#/winners/${code}/${wanted}` : `#/task/${code}` }, act))));
}

/** Ask what waits: once when somebody comes, and after each act. A failure does no harm: their own page asks again. */
export async function askWaiting() {
  const asked = person;
  const ask = ++asks; // an earlier answer may come later
  try {
    const { to_do } = await get("/getMyInfo");
    if (person === asked && ask === asks) showWaiting(to_do);
  } catch (error) {
    if (!error.error) throw error;
  }
}

showWaiting([]);
