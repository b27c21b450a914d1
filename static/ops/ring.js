// A ring: who is tied to whom and why, and its held red packets, which are decided together. It shows no ids.

import { ringAct } from "./acts.js";
import { get } from "./api.js";
import { Part, el } from "./dom.js";
import { count, day, isolated, money } from "./format.js";
import { listPage } from "./lists.js";
import { t } from "./words.js";

/** Show the ring that the red packet at this depth of a task belongs to. */
export function ringPage(root, code, depth) {
  const ring = new Part();
  const page = listPage(root, t("ring"), el("div.found", {}, ring.element), () => get("/ops/ring", { code, depth }), (reply) => {
    ring.show(reply, () => partsOf(reply, { code, depth, seen_at: reply.at }, page.again));
  });
  return page;
}

function partsOf({ people, links, held }, about, again) {
  const target = t("ring_all", count(held.length));
  const name = (number) => [el("b", {}, `${number} `), isolated(people[number - 1].wxname)];
  return [
    el("h2.apart", {}, t("ring_people", count(people.length))),
    el("ul.log.panel.ring", {}, people.map((each) =>
      el("li", {}, el("b", {}, `${each.number}`), el("span", {}, isolated(each.wxname)), el("span.reason", {}, t("ring_sums", money(each.paid_fen), money(each.won_fen)))))),
    el("h2.apart", {}, t("ring_ties")),
    el("ul.log.panel.ring", {}, links.map((link) =>
      el("li", {}, el("span", {}, name(link.one), " ↔ ", name(link.other)), el("span.reason", {}, whyTied(link))))),
    el("h2.apart", {}, t("ring_held")),
    held.length ? el("p.acts", {}, ringAct("release", about, target, again), ringAct("return", about, target, again)) : el("p.blank", {}, t("ring_none")),
    held.length ? el("ul.log.panel.ring", {}, held.map((each) =>
      el("li", {}, el("time", {}, day(each.won_at)), el("b", {}, money(each.amount_fen)), el("span", {}, name(each.publisher), " → ", name(each.winner)),
        el("a", { href: `#/prize/${each.code}/${each.depth}` }, isolated(each.name || each.code))))) : null,
  ];
}

function whyTied({ paid, brought, address, fen }) {
  return [t("ring_paid", count(paid), money(fen)), brought > 0 && t("ring_brought", count(brought)), address > 0 && t("ring_address")].filter(Boolean).join(" · ");
}
