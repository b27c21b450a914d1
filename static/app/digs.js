// Who dug which depth: read once it is unfolded, then kept up to date; a button shows earlier digs.

import { get } from "./api.js";
import { avatar, el, set, write } from "./dom.js";
import { icon } from "./icons.js";

const PAGE = 50; // of getDigs
const KEPT = 200; // newer digs drive older ones out, unless somebody looked back
const RENEW_MS = 2_000;

/** Return the section, with `renew()` after a dig. */
export function digs(code, signal) {
  const list = el("ol.digs");
  const nobody = el("p.blank", { hidden: true }, "还没有人挖过");
  const problem = el("p.problem", { role: "alert" });
  const more = el("button", { type: "button", hidden: true, onclick: () => lookBack() }, "更早的");
  const element = el("details.panel.fold", { ontoggle: () => renew() },
    el("summary", {}, el("h2", {}, "谁挖了哪一层")), list, nobody, more, problem);
  const rows = new Map(); // by depth
  let lookedBack = false;
  let renewing = 0;
  let wanted = false;

  const least = () => Math.min(...rows.keys());

  function insert(found) {
    for (const dig of found) {
      if (rows.has(dig.depth)) continue;
      const row = el("li", { "data-depth": dig.depth },
        el("span.hint", {}, `第 ${dig.depth} 层`), avatar(dig.wxheadpic, 28), el("span.name", {}, dig.wxname),
        dig.is_prize ? el("em", {}, icon("trophy", 14), "挖到了") : null);
      rows.set(dig.depth, row);
      list.insertBefore(row, [...list.children].find(({ dataset }) => Number(dataset.depth) < dig.depth) ?? null);
    }
    while (!lookedBack && rows.size > KEPT) {
      rows.get(least()).remove();
      rows.delete(least());
    }
    set(nobody, { hidden: rows.size > 0 });
    set(more, { hidden: !rows.size || least() <= 1 });
  }

  async function attempt(act) {
    write(problem, "");
    try {
      await act();
    } catch (error) {
      write(problem, error.message);
      if (!error.error) throw error;
    }
  }

  async function renew() {
    wanted = true;
    if (renewing || !element.open) return;
    wanted = false;
    renewing = setTimeout(() => {
      renewing = 0;
      if (wanted && !signal.aborted) renew();
    }, RENEW_MS);
    const newest = Math.max(0, ...rows.keys());
    await attempt(async () => {
      const { data } = await get("/getDigs", { code });
      if (signal.aborted) return;
      const gap = rows.size && data.length === PAGE && data.at(-1).depth > newest + 1;
      if (gap) { // more was dug than one page: begin anew
        list.replaceChildren();
        rows.clear();
        lookedBack = false;
      }
      insert(data);
    });
  }

  async function lookBack() {
    lookedBack = true;
    await attempt(async () => {
      const { data } = await get("/getDigs", { code, before: least() });
      if (!signal.aborted) insert(data);
    });
  }

  return { element, renew };
}
