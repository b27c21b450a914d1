// The people who dug a task, in the order they joined.

import { get } from "./api.js";
import { avatar, el, fill, set, write } from "./dom.js";
import { icon } from "./icons.js";

const PAGE = 50;

/** Return the list's element, with `reset(rows)`, `add(row)`, `mark(no)` for a winner, and `count(number)`. */
export function participants(code, signal) {
  const list = el("ul.people");
  const total = el("span.count");
  const more = el("button", { type: "button", hidden: true, onclick: () => load() }, "看更多人");
  const nobody = el("p.blank", {}, "还没有人挖过");
  const problem = el("p.problem", { role: "alert" });
  const element = el("section.panel", {}, el("h2", {}, "一起挖的人", total), list, nobody, more, problem);

  const shown = new Map();
  let complete = true;
  let wanted = 0;

  function append(row) {
    if (shown.has(row.no)) return;
    const person = el("li", {}, avatar(row.wxheadpic, 44), el("span", {}, row.wxname));
    shown.set(row.no, person);
    list.append(person);
    if (row.is_prize) mark(row.no);
  }

  function mark(no) {
    const person = shown.get(no);
    if (!person || person.classList.contains("won")) return;
    person.classList.add("won");
    person.append(el("em", {}, icon("trophy", 14), "挖到了"));
  }

  function show() {
    write(total, wanted ? ` ${wanted} 人` : "");
    set(nobody, { hidden: shown.size > 0 });
    set(more, { hidden: complete });
  }

  async function load() {
    write(problem, "");
    more.disabled = true;
    try {
      const page = Math.floor(shown.size / PAGE) + 1;
      const { data } = await get("/getTaskUser", { code, page });
      if (signal.aborted) return;
      data.forEach(append);
      complete = data.length < PAGE;
    } catch (error) {
      write(problem, error.message);
    } finally {
      more.disabled = false;
      show();
    }
  }

  return {
    element,
    reset(rows) {
      shown.clear();
      fill(list);
      rows.forEach(append);
      complete = rows.length < PAGE;
      show();
    },
    add(row) {
      // Only a list that is loaded to its end may be appended to, and only by whoever comes next.
      if (complete && row.no <= shown.size + 1) append(row);
      else if (!shown.has(row.no)) complete = false;
      show();
    },
    mark,
    count(number) {
      wanted = number;
      show();
    },
  };
}
