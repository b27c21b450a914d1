// Lists: what a search found, tasks of one kind, and what operators did.

import { get } from "./api.js";
import { Part, el, fill, order, write } from "./dom.js";
import { say } from "./findings.js";
import { clock, count, day, duration, isolated, money } from "./format.js";
import { Reread } from "./reread.js";
import { TaskRow } from "./rows.js";
import { named, t } from "./words.js";

/** Show what this code or name finds; returns the page, as main.js wants it. */
export function searchPage(root, query, now) {
  const tasks = taskList(now);
  const winners = new Part();
  const place = el("div.found", {}, tasks.element, winners.element);
  const page = listPage(root, t("found", isolated(query)), place, () => get("/ops/tasks", { query }), (reply) => {
    tasks.show(reply.data);
    winners.show(reply.winners, () => reply.winners.length ? winnersOf(reply.winners) : null);
  });
  return { ...page, tick: tasks.tick };
}

function winnersOf(found) {
  const line = ({ code, name, depth, wxname, won_at: at }) =>
    el("li", {}, el("time", {}, day(at)), el("b", {}, isolated(wxname)), t("wins_at", count(depth)), el("a", { href: `#/task/${code}` }, isolated(name || code)));
  return [el("h2", {}, t("winners")), el("ul.log.panel.winners", {}, found.map(line))];
}

/** Show the tasks that are hidden, unpaid, or hold money (`of`). */
export function kindPage(root, of, now) {
  const tasks = taskList(now);
  const page = listPage(root, t(`list_${of}`), tasks.element, () => get("/ops/list", { of }), (reply) =>
    tasks.show(reply.data, ({ code }) => of === "held" ? t("holds", money(reply.held_fen[code])) : ""));
  return { ...page, tick: tasks.tick };
}

/** A list of tasks whose rows stay while they are read again; `note(task)` is written beside each. */
function taskList(now) {
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
    order(element, found, t("nothing_found"));
    element.hidden = false;
    tick();
  }
  return { element, tick, show };
}

/** Show the alarms of now and the last ones that are over, the newest first. */
export function alarmsPage(root) {
  const list = new Part();
  const show = ({ data: alarms }) =>
    list.show(alarms, () => (alarms.length ? el("ol.log.panel.past", {}, alarms.map(alarmLine)) : el("p.blank", {}, t("no_alarms"))));
  return listPage(root, t("alarms"), list.element, () => get("/ops/alarms"), show);
}

function alarmLine({ begin_at: begin, end_at: end, ...alarm }) {
  return el(
    "li",
    {},
    el("time", {}, `${day(begin).split(" ")[0]} ${clock(begin)}`),
    el(`span.state${end ? "" : ".bad"}`, {}, end ? t("alarm_over", clock(end), duration(end - begin)) : t("alarm_lasts")),
    el("b", {}, t(`alarm_${alarm.kind}`)),
    alarm.code && el("a", { href: `#/task/${alarm.code}` }, alarm.code),
    el("span.reason", {}, say(alarm)),
  );
}

/** Show the audit log, the newest act first. */
export function logPage(root) {
  const log = new Part();
  const show = ({ data: acts }) =>
    log.show(acts, () => (acts.length ? el("ol.log.panel", {}, acts.map(actLine)) : el("p.blank", {}, t("log_empty"))));
  return listPage(root, t("log"), log.element, () => get("/ops/log"), show);
}

// Acts about no treasure and no person who is still there.
const PLAIN = new Set(["disconnect", "leave", "stay", "erase", "export_prizes"]);

function actLine({ at, operator, shared, act, target, reason, outcome }) {
  return el(
    "li",
    {},
    el("time", {}, `${day(at).split(" ")[0]} ${clock(at)}`),
    el("b", {}, operator),
    shared ? el("span.note", {}, t("shared_token")) : null,
    el(`span.state${act === "end" ? ".bad" : ""}`, {}, named("act", act)),
    PLAIN.has(act) || act.startsWith("run_") ? el("code", {}, target) : el("a", { href: pageOf(target) }, target),
    el("span.reason", {}, reason),
    outcomeOf(outcome),
  );
}

/** Where to see what an act was about: a code, a code and a depth, or the key of a review, a report or a share. */
function pageOf(target) {
  const [kind, of] = target.split(":");
  if (["profile", "report", "share"].includes(kind)) return `#/person/${target}`;
  return `#/task/${kind === "task" ? of : kind}`;
}

function outcomeOf(outcome) {
  if (outcome === "done") return el("span.state.open", {}, t("outcome_done"));
  if (outcome === "begun") return el("span.state.cools", {}, t("outcome_begun"));
  if (["refused", "left", "differs"].includes(outcome)) return el("span.state.bad", {}, t(`run_${outcome}`));
  return el("span.state.bad", {}, t("outcome_refused", named("refusal", outcome)));
}

/** A page that reads its list again and again; `again()` reads it now. */
export function listPage(root, title, place, read, show) {
  const problem = el("p.problem", { role: "alert" });
  fill(root, el("div.page-list", {}, el("p.crumb", {}, el("a", { href: "#/" }, t("back"))), el("h1", {}, title), problem, place));
  const reread = new Reread(read, show, (text) => write(problem, text));
  return { title, ageMs: () => reread.ageMs(), again: () => reread.now(), stop: () => reread.stop() };
}
