// Lists: what a search found, and tasks of one kind.

import { get, post } from "./api.js";
import { Part, el, fill, order, write } from "./dom.js";
import { count, day, isolated, money } from "./format.js";
import { keyLink, personLink } from "./person.js";
import { Reread } from "./reread.js";
import { TaskRow } from "./rows.js";
import { named, t } from "./words.js";

/** Show whom and what this text or number finds; returns the page, as main.js wants it. */
export function searchPage(root, query, now) {
  const tasks = taskList(now);
  const [people, prizes] = [new Part(), new Part()];
  const title = el("h2.apart", { hidden: true }, t("treasures"));
  const place = el("div.found", {}, people.element, prizes.element, title, tasks.element);
  const page = listPage(root, t("found", isolated(query)), place, () => post("/ops/search", { query }), (reply) => {
    people.show(reply.people, () => foundList("people", reply.people, personLine));
    prizes.show(reply.prizes, () => foundList("prizes_found", reply.prizes, prizeLine));
    tasks.show(reply.data);
    title.hidden = !reply.data.length;
    tasks.element.hidden = title.hidden && reply.people.length + reply.prizes.length > 0; // then it would say that nothing was found
  });
  return { ...page, tick: tasks.tick };
}

const foundList = (title, found, line) => found.length ? [el("h2.apart", {}, t(title)), el("ul.log.panel", {}, found.map(line))] : null;

function personLine({ key, wxname, created_at: since, banned }) {
  return el("li", {}, keyLink(key, isolated(wxname)), banned ? el("span.state.bad", {}, t("banned")) : null, el("span.note", {}, t("first_login_at", day(since))), el("code", {}, key.split(":")[1]));
}

function prizeLine({ code, depth, name, wxname, state, won_at: at, by }) {
  return el("li", {}, el("time", {}, day(at)), personLink(code, depth, isolated(wxname)), el("a", { href: `#/prize/${code}/${depth}` }, t("wins_at", count(depth))), el("a", { href: `#/task/${code}` }, isolated(name || code)), el("span.note", {}, t(`found_by_${by}`)), el("span.state", {}, named("prize", state).replace("{0}", "").trim()));
}

/** Show the tasks that are hidden, unpaid, featured, or hold money (`of`). */
export function kindPage(root, of, now) {
  const tasks = taskList(now, "list_none");
  const page = listPage(root, t(`list_${of}`), tasks.element, () => get("/ops/list", { of }), (reply) =>
    tasks.show(reply.data, ({ code }) => of === "held" ? t("holds", money(reply.held_fen[code])) : ""));
  return { ...page, tick: tasks.tick };
}

/** A list of tasks whose rows stay while they are read again; `note(task)` is written beside each. `none` is said if there are none. */
function taskList(now, none = "nothing_found") {
  const rows = new Map();
  const element = el("ul.tasks.panel", { hidden: true });
  const tick = () => rows.forEach((row) => row.show(now()));
  function show(tasks, note = () => "") {
    const found = tasks.map((task) => {
      if (rows.has(task.code)) rows.get(task.code).take(task);
      else rows.set(task.code, new TaskRow(task));
      rows.get(task.code).note(note(task));
      return rows.get(task.code).element;
    });
    const codes = new Set(tasks.map((task) => task.code));
    for (const code of rows.keys()) if (!codes.has(code)) rows.delete(code);
    order(element, found, t(none));
    element.hidden = false;
    tick();
  }
  return { element, tick, show };
}

/** A page that reads its list again and again; `again()` reads it now. */
export function listPage(root, title, place, read, show) {
  const problem = el("p.problem", { role: "alert" });
  fill(root, el("div.page-list", {}, el("p.crumb", {}, el("a", { href: "#/" }, t("back"))), el("h1", {}, title), problem, place));
  const reread = new Reread(read, show, (text) => write(problem, text));
  return { title, ageMs: () => reread.ageMs(), again: () => reread.now(), stop: () => reread.stop() };
}
