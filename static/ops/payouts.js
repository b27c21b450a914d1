// The prizes that wait for an operator, with release and return, and what is frozen.

import { exportWinners, payout } from "./acts.js";
import { get } from "./api.js";
import { Part, el } from "./dom.js";
import { count, isolated, moment, money } from "./format.js";
import { listPage } from "./lists.js";
import { may } from "./me.js";
import { personLink } from "./person.js";
import { named, t } from "./words.js";

/** Show what is not given for now, the longest first, and what is frozen, the newest first. */
export function payoutsPage(root) {
  const [waiting, frozen] = [new Part(), new Part()];
  const place = el("div.found", {}, el("p.hint", {}, t("payouts_hint")), waiting.element, frozen.element, may("money") && [el("h2.apart", {}, t("export")), el("p.hint", {}, t("export_hint")), el("p", {}, exportWinners())]);
  const page = listPage(root, t("payouts"), place, () => get("/ops/payouts"), (reply) => {
    waiting.show(reply.data, () => list(reply.data, t("payouts_none"), (row) => waits(row, page.again)));
    frozen.show(reply.frozen, () => [el("h2.apart", {}, t("frozen")), list(reply.frozen, t("frozen_none"), (row) => freeze(row, page.again))]);
  });
  return page;
}

function list(rows, none, line) {
  return rows.length ? el("ol.log.panel.payouts", {}, rows.map(line)) : el("p.blank", {}, none);
}

function waits(row, again) {
  const prize = { what: "prize", code: row.code, depth: row.depth };
  const target = row.name || row.code;
  const decides = row.state === "freezing" ? [] : [!row.only_back && payout("release", prize, target, again), payout("return", prize, target, again)];
  if (row.amount_fen && row.state === "held") decides.unshift(el("a", { href: `#/paid/${row.code}/${row.depth}` }, t("paid_open")));
  if (row.state === "held") decides.push(payout("freeze", prize, target, again));
  return el(
    "li",
    {},
    at(row.since),
    el(`span.state${row.state === "held" ? ".cools" : ".bad"}`, {}, named("payout", row.state)),
    el("b", {}, row.amount_fen ? money(row.amount_fen) : t("payout_goods")),
    el("span", {}, personLink(row.code, row.depth, isolated(row.wxname)), " ", el("a", { href: `#/prize/${row.code}/${row.depth}` }, t("wins_at", count(row.depth)))),
    el("a", { href: `#/task/${row.code}` }, isolated(target)),
    el("span.reason", {}, reasonOf(row)),
    el("span.acts", {}, decides),
  );
}

/** Why a prize is not given: what holds it, and what operators wrote when they froze it. */
function reasonOf({ only_back: onlyBack, why, frozen_for: frozenFor }) {
  const limit = onlyBack ? t("only_back") : why && named("why", why);
  return [limit, ...frozenFor.map(isolated)].filter(Boolean).join(" · ");
}

function freeze({ what, code, depth, name, wxname, at: since, reason }, again) {
  const target = (what === "person" && wxname) || name || code;
  return el(
    "li",
    {},
    at(since),
    el("span.state.bad", {}, named("frozen", what)),
    what !== "task" && el("span", {}, personLink(code, depth, isolated(wxname || t("person"))), ` · ${depth ? t("depth_of", count(depth)) : t("publisher")}`),
    el("a", { href: `#/task/${code}` }, isolated(name || code)),
    el("span.reason", {}, reason && isolated(reason)),
    el("span.acts", {}, payout("release", { what, code, depth }, target, again)),
  );
}

function at(ms) {
  return el("time", {}, moment(ms));
}
