// Two pages that are read once: what a search found, and what operators did.

import { get } from "./api.js";
import { el, fill } from "./dom.js";
import { clock, day } from "./format.js";
import { TaskRow } from "./rows.js";
import { named, t } from "./words.js";

/** Show the tasks of this code or publisher. */
export function searchPage(root, query, now) {
  return listPage(root, t("found", query), () => get("/ops/tasks", { query }), (found) => {
    if (!found.length) return el("p.blank", {}, t("nothing_found"));
    return el(
      "ul.tasks.panel",
      {},
      found.map((task) => {
        const row = new TaskRow(task);
        row.show(now());
        return row.element;
      }),
    );
  });
}

/** Show the audit log, the last act first. */
export function logPage(root) {
  return listPage(root, t("log"), () => get("/ops/log"), (acts) => {
    if (!acts.length) return el("p.blank", {}, t("log_empty"));
    return el("ol.log.panel", {}, acts.map(actLine));
  });
}

function actLine({ at, operator, act, target, reason }) {
  return el(
    "li",
    {},
    el("time", {}, `${day(at).split(" ")[0]} ${clock(at)}`),
    el("b", {}, operator),
    el(`span.state${act === "end" ? ".bad" : ""}`, {}, named("act", act)),
    act === "disconnect" ? el("code", {}, target) : el("a", { href: `#/task/${target}` }, target),
    el("span.reason", {}, reason),
  );
}

function listPage(root, title, read, show) {
  let stopped = false;
  const place = el("div");
  fill(root, el("p.crumb", {}, el("a", { href: "#/" }, t("back"))), el("h1", {}, title), place);
  read().then(
    (reply) => stopped || fill(place, show(reply.data)),
    (refused) => stopped || fill(place, el("p.problem", { role: "alert" }, refused.message)),
  );
  return () => {
    stopped = true;
  };
}
