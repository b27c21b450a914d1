// A task's page: what it is, its digs, who brought whom as numbers, and its money.

import { taskActs } from "./acts.js";
import { get } from "./api.js";
import { el, fill, write } from "./dom.js";
import { clock, count, day, money } from "./format.js";
import { TaskRow, stateOf } from "./rows.js";
import { named, t } from "./words.js";

const AGAIN_MS = 3_000;

/** Show a task in `root` and keep it new; returns a function that stops that. */
export function taskPage(root, code, now) {
  let stopped = false;
  let timer = 0;
  const stale = el("p.problem", { role: "status" });
  const body = el("div.page-task");
  fill(root, stale, body);

  async function load() {
    clearTimeout(timer);
    try {
      const reply = await get("/ops/task", { code });
      if (stopped) return;
      write(stale, "");
      show(body, reply, now(), load);
      body.classList.remove("stale");
    } catch (refused) {
      if (stopped) return;
      write(stale, refused.message);
      body.classList.add("stale");
      if (refused.error === "no_such_task") return;
    }
    timer = setTimeout(load, AGAIN_MS);
  }
  load();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

function show(body, reply, now, changed) {
  const { task } = reply;
  const acts = body.querySelector(".acts");
  const state = JSON.stringify([task.status, task.hidden]);
  // The buttons stay while they are right, so that whoever is about to press one still has it.
  const buttons = acts?.dataset.state === state ? acts : el("div.acts", { "data-state": state }, taskActs(task, changed));
  const focused = document.activeElement;
  fill(
    body,
    el("p.crumb", {}, el("a", { href: "#/" }, t("back"))),
    el("div.heading", {}, el("h1", {}, task.name || task.code), el(`span.state.${stateOf(task, now)[0]}`, {}, stateOf(task, now)[1]), buttons),
    el("div.columns", {}, el("div", {}, facts(reply, now), shares(reply.shares), funds(reply)), digs(reply.digs)),
  );
  if (buttons.contains(focused)) focused.focus();
}

function section(title, ...children) {
  return el("section.panel", {}, el("header", {}, el("h2", {}, title)), ...children);
}

function pairs(...found) {
  return el("dl.facts", {}, found.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function facts(reply, now) {
  const { task } = reply;
  const row = new TaskRow(task);
  row.show(now);
  return el(
    "section.panel",
    {},
    el("ul.tasks", {}, row.element),
    reply.synopsis && el("p.synopsis", {}, reply.synopsis),
    pairs(
      [t("publisher"), task.money ? `${task.wxname} · ${t("red_packet", task.money)}` : task.wxname],
      [t("code"), el("code", {}, task.code)],
      [t("participants"), count(task.participants)],
      [t("created"), day(reply.created_at)],
      [t("opened"), reply.opened_at && day(reply.opened_at)],
      [t("expires"), !task.status && reply.expires_at && day(reply.expires_at)],
      [t("ended_at"), reply.ended_at && `${day(reply.ended_at)} · ${named("end", task.end_reason)}`],
      [t("end_note"), reply.end_note],
      [t("commitment"), el("code", {}, reply.commitment)],
    ),
  );
}

function shares({ opened, brought, sharers, most }) {
  const number = (value, name) => el("div", {}, el("dd", {}, count(value)), el("dt", {}, t(name)));
  return section(
    t("shares"),
    el("dl.numbers", {}, number(opened, "shares_opened"), number(brought, "shares_brought"), number(sharers, "shares_sharers"), number(most, "shares_most")),
  );
}

function funds({ task, money: found }) {
  const prizes = Object.entries(found.prizes).map(([state, number]) => el("span", {}, named("prize", state).replace("{0}", count(number))));
  if (!task.money) return section(t("money"), el("p.hint", {}, t("money_none")), el("p.tags", {}, prizes));
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
      ? found.differences.map((text) => el("p.problem", {}, `${t("alarm_books")}: ${text}`))
      : el("p.good", {}, t("money_balanced")),
    el("ul.payments", {}, found.payments.map(payment)),
  );
}

function payment({ number, kind, amount_fen: fen, state, alarm, at }) {
  return el(
    "li",
    {},
    el("time", {}, day(at)),
    el("span.kind", {}, named("pay", kind)),
    el("b", {}, money(fen)),
    el(`span.state${alarm || state === "abnormal" ? ".bad" : ""}`, {}, named("state", state)),
    el("code", {}, number),
    alarm && el("span.problem", {}, alarm),
  );
}

function digs(found) {
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
          el("span.name", {}, dig.wxname),
          dig.is_prize ? el("span.state.cools", {}, t("won")) : null,
          el("span.place", {}, t("place", count(dig.no))),
          el("time", {}, clock(dig.at)),
        ),
      ),
    ),
  );
}
