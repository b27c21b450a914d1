// A task's page: what it is, its digs, who brought whom as numbers, and its money.

import { freezePerson, logOut, payout, taskActs } from "./acts.js";
import { get } from "./api.js";
import { Part, el, fill, write } from "./dom.js";
import { say, waits } from "./findings.js";
import { count, day, isolated, lately, logAddress, money } from "./format.js";
import { personLink } from "./person.js";
import { Reread } from "./reread.js";
import { TaskRow, stateOf } from "./rows.js";
import { timeline } from "./timeline.js";
import { cash, named, t } from "./words.js";

// Values that change while a task is dug are written into elements that stay, so that a selection in them
// stays too.
const MOVES = { watchers: 0, participants: 0, now_depth: 0, prizes_left: 0, cd_until: 0 };

/** Show a task in `root` and keep it new; returns the page, as main.js wants it. */
export function taskPage(root, code, now) {
  const problem = el("p.problem", { role: "alert" });
  const body = el("div", { hidden: true });
  const name = el("h1");
  const state = el("span.state");
  const participants = el("span");
  const parts = Object.fromEntries(["facts", "shares", "money", "digs"].map((each) => [each, new Part()]));
  const acts = new Part("div.acts");
  let task = null;
  let row = null;
  fill(
    body,
    el("div.heading", {}, name, state, acts.element),
    el("div.columns", {}, el("div", {}, parts.facts.element, parts.shares.element, parts.money.element), parts.digs.element),
    timeline({ of: "task", code }),
  );
  fill(root, el("div.page-task", {}, el("p.crumb", {}, el("a", { href: "#/" }, t("back"))), problem, body));

  function tick() {
    if (!task) return;
    const [kind, text] = stateOf(task, now());
    state.className = `state ${kind}`;
    write(state, text);
    row.show(now());
  }

  function show({ digs, money: found, shares, ...reply }) {
    task = { ...reply.task, featured: reply.featured, daily: reply.daily, may_daily: reply.may_daily };
    row ??= new TaskRow(task);
    row.take(task);
    write(name, task.name || task.code);
    // Buttons that are still right stay, so that none vanishes as it is pressed.
    acts.show([task.status, task.hidden, task.review, Boolean(task.featured), task.daily, task.may_daily], () => taskActs(task, () => reread.now()));
    write(participants, count(task.participants));
    parts.facts.show({ ...reply, task: { ...task, ...MOVES } }, () => facts(reply, row, participants));
    parts.shares.show(shares, sharesOf);
    parts.money.show([task.total_fen, found], () => funds(task, found, () => reread.now()));
    parts.digs.show(digs, (found) => digsOf(found, task));
    body.hidden = false;
    tick();
  }

  const reread = new Reread(() => get("/ops/task", { code }), show, (text) => write(problem, text));
  return { title: code, ageMs: () => reread.ageMs(), stop: () => reread.stop(), tick };
}

function section(title, ...children) {
  return el("section.panel", {}, el("header", {}, el("h2", {}, title)), ...children);
}

function pairs(...found) {
  return el("dl.facts", {}, found.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function facts(reply, row, participants) {
  const { task } = reply;
  return el(
    "section.panel",
    {},
    el("ul.tasks", {}, row.element),
    reply.pic && el("img.picture", { src: reply.pic, alt: "" }),
    reply.synopsis && el("p.synopsis", {}, reply.synopsis),
    pairs(
      [t("publisher"), el("span.acts", {}, personLink(task.code, 0, isolated(task.wxname)), task.total_fen ? ` · ${t("red_packet", money(task.total_fen))}` : null, logOut({ code: task.code, depth: 0 }, task.wxname), freezePerson({ code: task.code, depth: 0 }, task.wxname))],
      [t("code"), el("code", {}, task.code)],
      [t("participants"), participants],
      [t("created"), day(reply.created_at)],
      [t("opened"), reply.opened_at && day(reply.opened_at)],
      [t("expires"), !task.status && reply.expires_at && day(reply.expires_at)],
      [t("ended_at"), reply.ended_at && `${day(reply.ended_at)} · ${named("end", task.end_reason)}`],
      [t("end_note"), reply.end_note],
      [t("commitment"), el("code", {}, reply.commitment)],
      [t("log"), el("a", { href: logAddress({ about: task.code }) }, t("log_of_it"))],
    ),
  );
}

function sharesOf({ opened, brought, sharers, most }) {
  const number = (value, name) => el("div", {}, el("dd", {}, count(value)), el("dt", {}, t(name)));
  return section(
    t("shares"),
    el("dl.numbers", {}, number(opened, "shares_opened"), number(brought, "shares_brought"), number(sharers, "shares_sharers"), number(most, "shares_most")),
  );
}

function funds(task, found, done) {
  const prizes = Object.entries(found.prizes).map(([state, number]) => el("span", {}, named("prize", state).replace("{0}", count(number))));
  if (!task.total_fen) return section(t("money"), cash && el("p.hint", {}, t("money_none")), el("p.tags", {}, prizes));
  const sum = (fen, name) => el("div", {}, el("dd", {}, money(fen)), el("dt", {}, t(name)));
  return section(
    t("money"),
    el(
      "dl.numbers",
      {},
      sum(found.paid_fen, "money_paid"),
      sum(found.given_fen, "money_given"),
      sum(found.refunded_fen, "money_refunded"),
      sum(found.held_fen, "money_held"),
      sum(found.owed_fen, "money_owed"),
    ),
    el("p.tags", {}, prizes),
    found.differences.length
      ? found.differences.map((difference) => el("p.problem", {}, `${t("alarm_books")}: ${say(difference)}`))
      : el("p.good", {}, t("money_balanced")),
    el("ul.payments", {}, found.payments.map((each) => payment(each, task, done))),
  );
}

function payment({ number, kind, amount_fen: fen, state, alarm, at }, { code, name }, done) {
  const depth = Number(/^\w{12}D(\d+)A/.exec(number)?.[1]); // of a bill's prize
  return el(
    "li",
    {},
    el("time", {}, day(at)),
    el("span.kind", {}, named("pay", kind)),
    el("b", {}, money(fen)),
    el(`span.state${alarm || state === "abnormal" ? ".bad" : ""}`, {}, named("state", state)),
    el("code", {}, number),
    alarm && el("span.problem", {}, waits(alarm)),
    kind === "bill" && alarm === "CONTRADICTION" && payout("release", { what: "prize", code, depth, bill: 1 }, name || code, done),
  );
}

function digsOf(found, task) {
  return section(
    t("newest_digs", found.length),
    el(
      "ol.digs",
      {},
      found.map((dig) =>
        el(
          `li${dig.is_prize ? ".won" : ""}`,
          {},
          el("b", {}, count(dig.depth)),
          personLink(task.code, dig.depth, dig.wxname),
          dig.is_prize ? el("span.state.cools", {}, t("won")) : null,
          el("span.place", {}, t("place", count(dig.no))),
          el("time", {}, lately(dig.at)),
          el("span.acts", {}, logOut({ code: task.code, depth: dig.depth }, dig.wxname), freezePerson({ code: task.code, depth: dig.depth }, dig.wxname)),
        ),
      ),
    ),
  );
}
