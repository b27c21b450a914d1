// Who got how much of red packets. Loaded where a treasure has some.

import { now } from "../miniprogram/shared/clock.js";
import { keepShown } from "../miniprogram/shared/renewing.js";
import { WINS, noteWin, readWins, renameWin, seekBest, shownWins } from "../miniprogram/shared/wins.js";
import { get } from "./api.js";
import { attempt, avatar, el, fill, icon, redraw, set, write } from "./dom.js";

document.head.append(el("link", { rel: "stylesheet", href: new URL("wins.css", import.meta.url).href }));

/** Show in `place` who won what of `task`, which its page keeps up to date. Return `receive(frame)`, which is to be called after that, and `rename(person)`. */
export function wins(task, place, signal) {
  const known = new Map();
  const luck = { best: null };
  const count = el("small.hint");
  const list = el("ol.wins", { tabindex: -1 });
  const problem = el("p.problem", { role: "alert" });
  const more = el("button", { onclick: unfold });
  let all = false;
  let dug = { seq: 0, server_time: 0 };

  function show() {
    if (signal.aborted) return;
    seekBest(luck, task, get, show);
    const shown = shownWins(known, task, all, luck.best);
    if (!shown.rows.length) return;
    if (!place.firstChild) fill(place, el("section.panel", {}, el("h2", {}, WINS.title, " ", count), list, more, problem));
    write(count, shown.count);
    redraw(list, shown.rows, (rows) => rows.map(row));
    set(more, { hidden: !shown.more });
    write(more, shown.more);
  }

  const read = (earlier) => readWins(known, task, (asked) => get("/getDigs", asked), earlier).finally(show);

  async function unfold() {
    const shown = list.children.length;
    all = true;
    show();
    if (list.children.length === shown) await attempt(problem, () => read(true));
    if (more.hidden) list.focus();
  }

  function receive(frame) {
    if (frame.type === "cd") dug = frame;
    if (frame.type === "prize") noteWin(known, { ...frame, depth: frame.seq }, frame.seq === dug.seq ? dug.server_time : now(), task);
    if (frame.leapt) read().catch(keepShown);
    show();
  }

  function rename(winner) {
    renameWin(known, luck, winner);
    show();
  }

  read().catch(keepShown);
  return { receive, rename };
}

const row = ({ name, face, what, when, best, own }) => el("li", {}, avatar({ wxheadpic: face, wxname: name }, 36),
  el("span.who", {}, el("span", {}, el("bdi", {}, name), own ? el("em.own", {}, own) : null), el("small.hint", {}, when)),
  el("span.sum", {}, el("b", {}, what), best ? el("em", {}, icon("star", 14), best) : null));
