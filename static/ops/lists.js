// Two lists: what a search found, and what operators did.

import { get } from "./api.js";
import { Part, el, fill, order, write } from "./dom.js";
import { clock, day, isolated } from "./format.js";
import { Reread } from "./reread.js";
import { TaskRow } from "./rows.js";
import { named, t } from "./words.js";

/** Show the tasks of this code or publisher; returns the page, as main.js wants it. */
export function searchPage(root, query, now) {
  const rows = new Map();
  const list = el("ul.tasks.panel", { hidden: true });
  const tick = () => rows.forEach((row) => row.show(now()));
  const page = listPage(root, t("found", isolated(query)), list, () => get("/ops/tasks", { query }), (tasks) => {
    const found = tasks.map((task) => {
      if (rows.has(task.code)) rows.get(task.code).take(task);
      else rows.set(task.code, new TaskRow(task));
      return rows.get(task.code).element;
    });
    const codes = new Set(tasks.map((task) => task.code));
    for (const code of rows.keys()) if (!codes.has(code)) rows.delete(code);
    order(list, found, t("nothing_found"));
    list.hidden = false;
    tick();
  });
  return { ...page, tick };
}

/** Show the audit log, the newest act first. */
export function logPage(root) {
  const log = new Part();
  const show = (acts) =>
    log.show(acts, () => (acts.length ? el("ol.log.panel", {}, acts.map(actLine)) : el("p.blank", {}, t("log_empty"))));
  return listPage(root, t("log"), log.element, () => get("/ops/log"), show);
}

function actLine({ at, operator, shared, act, target, reason, outcome }) {
  return el(
    "li",
    {},
    el("time", {}, `${day(at).split(" ")[0]} ${clock(at)}`),
    el("b", {}, operator),
    shared ? el("span.note", {}, t("shared_token")) : null,
    el(`span.state${act === "end" ? ".bad" : ""}`, {}, named("act", act)),
    act === "disconnect" ? el("code", {}, target) : el("a", { href: `#/task/${target}` }, target),
    el("span.reason", {}, reason),
    outcomeOf(outcome),
  );
}

function outcomeOf(outcome) {
  if (outcome === "done") return el("span.state.open", {}, t("outcome_done"));
  if (outcome === "begun") return el("span.state.cools", {}, t("outcome_begun"));
  return el("span.state.bad", {}, t("outcome_refused", named("refusal", outcome)));
}

function listPage(root, title, place, read, show) {
  const problem = el("p.problem", { role: "alert" });
  fill(root, el("div.page-list", {}, el("p.crumb", {}, el("a", { href: "#/" }, t("back"))), el("h1", {}, title), problem, place));
  const reread = new Reread(read, (reply) => show(reply.data), (text) => write(problem, text));
  return { title, ageMs: () => reread.ageMs(), stop: () => reread.stop() };
}
