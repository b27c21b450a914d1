// Who paid whom lately, around the publisher and the winner of a red packet. It shows no ids.

import { get } from "./api.js";
import { Part, el } from "./dom.js";
import { count, isolated, money } from "./format.js";
import { listPage } from "./lists.js";
import { keyLink } from "./person.js";
import { t } from "./words.js";

/** Show what the publisher and the winner of the red packet at this depth of a task paid and were paid, the largest sums first. */
export function paidPage(root, code, depth) {
  const paid = new Part();
  return listPage(root, t("paid"), el("div.found", {}, paid.element), () => get("/ops/paid", { code, depth }), ({ data }) => {
    paid.show(data, () => (data.length ? el("ul.log.panel.paid", {}, data.map(line)) : el("p.blank", {}, t("paid_none"))));
  });
}

function line({ publisher, publisher_key: from, winner, winner_key: to, number, fen }) {
  const name = (key, text) => (key ? keyLink(key, isolated(text)) : t("person"));
  return el("li", {}, el("b", {}, money(fen)), el("span", {}, name(from, publisher), " → ", name(to, winner)), el("span.reason", {}, t("paid_packets", count(number))));
}
