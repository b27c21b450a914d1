// Who dug which depth: read once it is unfolded, then kept up to date; a button shows earlier digs.

import { noteFind } from "../miniprogram/shared/afterwards.js";
import { get } from "./api.js";
import { cameUp, named } from "./finds.js";
import { atMostEvery } from "../miniprogram/shared/renewing.js";
import { DIGS, layersMark, wonWords } from "../miniprogram/shared/words.js";
import { attempt, avatar, el, icon, redraw, set, write } from "./dom.js";

const PAGE = 50; // of getDigs
const KEPT = 200; // newer digs drive older ones out, unless somebody looked back
const RENEW_MS = 2_000;

/** Fill the unfolded section `element`; return `renew()`, which is to be called after a dig and when it is unfolded again. */
export function digs(task, signal, element) {
  const { code } = task;
  const list = el("ol.digs");
  const problem = el("p.problem", { role: "alert" });
  const again = el("button", { hidden: true, onclick: () => { renew(); element.firstChild.focus(); } }, "再试一次"); // it will be hidden
  const finds = el("div");
  const more = el("button", { hidden: true, onclick: () => lookBack() }, DIGS.more);
  element.append(finds, list, more, problem, again);
  const rows = new Map(); // by depth
  let lookedBack = false;

  function show(found) {
    for (const dig of found) {
      if (rows.get(dig.depth)?.dataset.name === dig.wxname) continue;
      rows.get(dig.depth)?.remove(); // its digger has taken a name since
      rows.set(dig.depth, insert(list, dig, wonWords(dig, task)));
    }
    if (!lookedBack) trim(rows);
    found.forEach((dig) => noteFind(task, dig));
    redraw(finds, task.finds, cameUp);
    set(more, { hidden: !rows.size || least(rows) <= 1 });
  }

  function read(before, take) {
    write(problem, "");
    return attempt(problem, async () => {
      const { data } = await get("/getDigs", { code, before });
      if (!signal.aborted) take(data);
    }).finally(() => set(again, { hidden: rows.size > 0 || !problem.textContent })); // otherwise 更早的 and new digs try again
  }

  const renew = atMostEvery(RENEW_MS, () => {
    const newest = Math.max(0, ...rows.keys());
    return read(null, (data) => {
      const gap = rows.size && data.length === PAGE && data.at(-1).depth > newest + 1;
      if (gap) { // more was dug than one page: begin anew
        list.replaceChildren();
        rows.clear();
        lookedBack = false;
      }
      show(data);
    });
  }, () => element.open, signal);

  function lookBack() {
    lookedBack = true;
    read(least(rows), show);
  }

  return renew;
}

const least = (rows) => Math.min(...rows.keys());

function trim(rows) {
  while (rows.size > KEPT) {
    rows.get(least(rows)).remove();
    rows.delete(least(rows));
  }
}

/** Put a dig's row where it belongs, the deepest first. */
function insert(list, { depth, wxname, wxheadpic, is_prize, find, layers }, what) {
  const row = el("li", { "data-depth": depth, "data-name": wxname },
    el("span.hint", {}, `第 ${depth} 层`), avatar({ wxheadpic, wxname }, 28), el("span.name", {}, wxname, layers ? el("small.hint", {}, ` ${layersMark({ layers })}`) : null),
    find ? named(find) : null,
    is_prize ? el("em", {}, icon("trophy", 14), what || DIGS.won) : null);
  list.insertBefore(row, [...list.children].find(({ dataset }) => Number(dataset.depth) < depth) ?? null);
  return row;
}
