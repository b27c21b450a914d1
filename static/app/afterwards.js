// What somebody who won nothing finds where a treasure ended or was taken down.

import { SPREAD_MS, afterwards, seekNext } from "../miniprogram/shared/afterwards.js";
import { AFTER, FAIR, buryWords } from "../miniprogram/shared/words.js";
import { get } from "./api.js";
import { el, fill, redraw, set } from "./dom.js";

function cameUp(finds) {
  const place = el("div");
  import("./finds.js").then((loaded) => fill(place, loaded.cameUp(finds)), () => {}); // it is not missed
  return place;
}

/** Return treasures that can be dug next, with their pictures; null if none is known. */
export function nextList(cards) {
  return cards.length ? el("ul.next", {}, cards.map(({ code, title, thumbnail, state }) => el("li", {},
    el("img", { src: thumbnail, alt: "", width: 56, height: 56, hidden: !thumbnail }),
    el("a", { href: `#/task/${code}` }, title), el("span.hint", {}, state)))) : null;
}

/** Return the ways to the square, and to a treasure of one's own. */
export const waysOn = (task) => el("div.buttons", {}, el("a.button", { href: "#/" }, AFTER.square), el("a.button", { href: "#/publish" }, buryWords(task)));

/** What one's own digs came to, some seconds later: all who watch a treasure find its end at once. */
function ownDigs(task) {
  const place = el("p.won-by", { role: "status" });
  setTimeout(() => import("./story.js").then((loaded) => loaded.ownLine(place, task), () => {}), Math.random() * SPREAD_MS);
  return place;
}

/** Return the section's element, with `show(task, winners)`; `check` leads to the check of the draw. */
export function after(check) {
  const element = el("section.panel.stack", { "aria-label": AFTER.title, hidden: true });
  let last = []; // the treasures shown last
  let own = null;

  function show(task, winners) {
    last = [task, winners];
    const found = afterwards(task, winners);
    seekNext(found, task, get, () => show(...last));
    set(element, { hidden: !found });
    redraw(element, found, () => found && [
      found.won ? [own ??= ownDigs(task), el("p", {}, found.won)] : null,
      found.proof ? el("p.hint", {}, found.proof, " ", el("button.link", { onclick: check }, FAIR.verify)) : null,
      found.finds.length ? cameUp(found.finds) : null,
      el("h2", {}, AFTER.title),
      nextList(found.next),
      waysOn(task),
    ]);
  }

  return { element, show };
}
