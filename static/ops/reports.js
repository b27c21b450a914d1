// The queue of what people reported: picture, text and reasons, and the acts to decide.

import { taskActs } from "./acts.js";
import { get } from "./api.js";
import { Part, el } from "./dom.js";
import { count, day, isolated } from "./format.js";
import { listPage } from "./lists.js";
import { keyLink } from "./person.js";
import { named, t } from "./words.js";

/** Show what was reported; returns the page, as main.js wants it. */
export function reportsPage(root) {
  const list = new Part();
  let page = null;
  const line = ({ task, pic, synopsis, number, since, reasons, reporters }) =>
    el(
      "li.panel.reported",
      {},
      el("img", { src: pic, alt: "", loading: "lazy" }),
      el(
        "div",
        {},
        el("h2", {}, el("a", { href: `#/task/${task.code}` }, isolated(task.name || task.code))),
        el("p", {}, t("reported_by", count(number), day(since))),
        task.hidden ? el("p.problem", {}, t("reported_hidden")) : null,
        el("p.tags", {}, Object.entries(reasons).map(([reason, total]) => el("span", {}, `${named("report", reason)} ${count(total)}`))),
        synopsis && el("p.synopsis", {}, synopsis),
        reporters.map((each) => el("div", {}, keyLink(each.key, isolated(each.wxname || t("reporter"))), ` · ${named("report", each.reason)}`, each.text && el("blockquote", {}, isolated(each.text)))),
        el("div.acts", {}, taskActs(task, () => page.again())),
      ),
    );
  page = listPage(root, t("reports"), list.element, () => get("/ops/reports"), ({ data }) =>
    list.show(data, () => data.length ? el("ul.reports", {}, data.map(line)) : el("p.blank", {}, t("no_reports"))));
  return page;
}
