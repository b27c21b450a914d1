// The people who dug a task: the newest first, as they join; a button shows earlier ones.

import { get } from "./api.js";
import { avatar, el, set, write } from "./dom.js";
import { icon } from "./icons.js";

const PAGE = 50; // of getTaskUser; page n always holds the places 50 (n − 1) + 1 to 50 n
const NEWEST = 60;
const FEWEST = 20; // so many more at least for each press of the button

/** Return the list's element, with `reset(details)`, `add(row)`, `mark(no)` for a winner, and `count(number)`. */
export function participants(code, signal) {
  const list = el("ul.people");
  const total = el("span.count");
  const more = el("button", { type: "button", hidden: true, onclick: () => lookBack() });
  const nobody = el("p.blank", {}, "还没有人挖过");
  const problem = el("p.problem", { role: "alert" });
  const element = el("section.panel", {}, el("h2", {}, "一起挖的人", total), list, nobody, more, problem);

  const shown = new Map(); // by no
  const winners = new Set();
  let number = 0;
  let most = NEWEST; // more after somebody looked back
  let resets = 0;
  let looking = false;

  const first = () => Math.min(number + 1, ...shown.keys());
  const read = async (page) => (await get("/getTaskUser", { code, page })).data;

  function insert({ no, wxname, wxheadpic, is_prize }) {
    if (is_prize) winners.add(no);
    if (shown.has(no)) return;
    const person = el("li", { "data-no": no }, avatar(wxheadpic, 44), el("span", {}, wxname));
    shown.set(no, person);
    list.insertBefore(person, [...list.children].find(({ dataset }) => Number(dataset.no) < no) ?? null);
    if (winners.has(no)) mark(no);
  }

  function drop(no) {
    shown.get(no).remove();
    shown.delete(no);
  }

  function mark(no) {
    winners.add(no);
    const person = shown.get(no);
    if (!person || person.classList.contains("won")) return;
    person.classList.add("won");
    person.append(el("em", {}, icon("trophy", 14), "挖到了"));
  }

  function show() {
    while (shown.size > most) drop(first());
    write(total, number ? ` ${number} 人` : "");
    set(nobody, { hidden: number > 0 });
    set(more, { hidden: first() <= 1 });
    write(more, `看更早的人（还有 ${first() - 1} 人）`);
  }

  async function lookBack() {
    if (looking) return;
    looking = true;
    write(problem, "");
    const wanted = shown.size + FEWEST;
    try {
      for (let before = 0; first() > 1 && shown.size < wanted && first() !== before; ) {
        before = first();
        const rows = await read(Math.ceil((before - 1) / PAGE));
        if (signal.aborted) return;
        rows.forEach(insert);
        most = Math.max(most, shown.size);
      }
    } catch (error) {
      write(problem, error.message);
      if (!error.error) throw error;
    } finally {
      looking = false;
      show();
    }
  }

  /** Show these instead of all people up to place `upTo`; people who joined later stay. */
  function replace(rows, upTo) {
    for (const no of [...shown.keys()]) if (no <= upTo) drop(no);
    most = NEWEST;
    write(problem, "");
    rows.forEach(insert);
    show();
  }

  return {
    element,
    /** Show what the details say: `users` are the first page. */
    async reset({ users, participants: upTo }) {
      resets += 1;
      const mine = resets;
      number = upTo;
      if (upTo <= PAGE) return replace(users, upTo);
      const last = Math.ceil(upTo / PAGE);
      show();
      try {
        const rows = await Promise.all([last === 2 ? users : read(last - 1), read(last)]);
        if (mine === resets && !signal.aborted) replace(rows.flat(), upTo);
      } catch (error) {
        write(problem, error.message); // and the button tries again
        if (!error.error) throw error;
      }
      return undefined;
    },
    add(row) {
      insert(row);
      show();
    },
    mark,
    count(participated) {
      number = participated;
      show();
    },
  };
}
