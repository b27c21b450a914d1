// A person's page: what they published, dug, won and were paid, and their ban. A person is named by what they did.

import { personActs } from "./acts.js";
import { get } from "./api.js";
import { Part, el, fill, order, write } from "./dom.js";
import { count, day, isolated, logAddress, money } from "./format.js";
import { Reread } from "./reread.js";
import { TaskRow } from "./rows.js";
import { timeline } from "./timeline.js";
import { cash, named, t } from "./words.js";

/** The link to the page of who dug a depth; with depth 0, of the publisher. */
export function personLink(code, depth, name) {
  return el("a.name", { href: `#/person/${code}/${depth}` }, name);
}

/** The link to the page of the person named by a key: that of a review, a report or a share. */
export function keyLink(key, name) {
  return el("a.name", { href: `#/person/${key}` }, name);
}

/** Show a person in `root`, as `{ code, depth }` or `{ key }` names them, and keep them new; returns the page, as main.js wants it. */
export function personPage(root, who, now) {
  const problem = el("p.problem", { role: "alert" });
  const name = el("h1");
  const state = el("span.state");
  const acts = new Part("div.acts");
  const facts = new Part();
  const tasks = el("ul.tasks.panel");
  const body = el("div", { hidden: true }, el("div.heading", {}, name, state, acts.element), facts.element, timeline({ of: "person", ...who }), el("h2.apart", {}, t("released")), tasks);
  fill(root, el("div.page-task", {}, el("p.crumb", {}, crumb(who)), problem, body));

  function show(reply) {
    write(name, isolated(reply.wxname));
    const banned = reply.ban && (!reply.ban.until || reply.ban.until > now());
    state.className = `state ${banned ? "bad" : "open"}`;
    write(state, t(banned ? "banned" : "not_banned"));
    const is = { banned, trusted: reply.trusted };
    acts.show([is, reply.wxname], () => personActs(who, reply.wxname, is, () => reread.now()));
    facts.show(reply, factsOf);
    order(tasks, reply.tasks.map((task) => {
      const row = new TaskRow(task);
      row.show(now());
      return row.element;
    }), t("released_none"));
    body.hidden = false;
  }

  const reread = new Reread(() => get("/ops/person", who), show, (text) => write(problem, text));
  return { title: who.code ?? t("person"), ageMs: () => reread.ageMs(), stop: () => reread.stop() };
}

/** The page from which an operator came: the task, or for a review the queue. */
function crumb({ code, key = "" }) {
  const [kind, of] = key.split(":");
  if (kind === "profile") return el("a", { href: "#/reviews" }, t("reviews"));
  if (kind === "person") return el("a", { href: "#/" }, t("back"));
  return el("a", { href: `#/task/${code ?? of}` }, t("back_to_task"));
}

function factsOf({ key, ban, trusted, prizes, brought_by: brought, delete_at: deletedAt, ...person }) {
  const number = (value, name) => el("div", {}, el("dd", {}, value), el("dt", {}, t(name)));
  return el(
    "section.panel",
    {},
    deletedAt > 0 && el("p.problem", {}, t("deleted_at", day(deletedAt))),
    ban && el("p.problem", {}, t("ban_from", day(ban.at), ban.until ? t("ban_until", day(ban.until)) : t("ban_for_good"), ban.reason)),
    trusted > 0 && el("p.hint", {}, t("trusted")),
    el(
      "dl.numbers",
      {},
      number(person.created_at ? day(person.created_at) : "–", "first_login"),
      number(count(person.released), "released"),
      number(count(person.dug), "dug_times"),
      number(count(person.joined), "joined_tasks"),
      number(count(person.reported), "reports_made"),
      cash && number(money(person.paid_fen), "money_paid_by"),
      cash && number(money(person.won_fen), "money_won"),
      cash && number(money(person.given_fen), "money_given_to"),
    ),
    el("p.tags", {}, Object.entries(prizes).map(([state, total]) => el("span", {}, named("prize", state).replace("{0}", count(total))))),
    key && el("p", {}, el("a", { href: logAddress({ about: key.split(":")[1] }) }, t("log_of_them"))),
    brought.length > 0 && el("p.brought", {}, t("brought_by"), brought.map(({ code, key, name, wxname }) =>
      el("span", {}, keyLink(key, isolated(wxname)), " · ", el("a", { href: `#/task/${code}` }, isolated(name || code))))),
  );
}
