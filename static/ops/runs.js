// What runs in the background once somebody asked for it: how far it has come, and what came of it.

import { runAct } from "./acts.js";
import { get } from "./api.js";
import { Part, el } from "./dom.js";
import { count, moment } from "./format.js";
import { listPage } from "./lists.js";
import { outcomeOf } from "./log.js";
import { may } from "./me.js";
import { named, t } from "./words.js";

/** Show what can be started here, and the last runs, the newest first. */
export function runsPage(root) {
  const [acts, runs] = [new Part(), new Part()];
  const page = listPage(root, t("runs"), el("div.found", {}, acts.element, runs.element), () => get("/ops/runs"), ({ data, sealing, older }) => {
    acts.show([sealing, older, data.filter(({ outcome }) => !outcome).length], () => actsOf(sealing, older, page.again));
    runs.show(data, () => (data.length ? el("ol.log.panel.runs", {}, data.map(line)) : el("p.blank", {}, t("runs_none"))));
  });
  return page;
}

function actsOf([first, ...others], older, again) {
  const keys = el("p", {}, t("keys_first"), " ", el("code", {}, first), others.length ? [" · ", t("keys_known"), " ", el("code", {}, others.join(" "))] : null);
  const asked = older.length ? t("keys_older", older.join(" ")) : t("keys_no_older");
  return el(
    "section.panel.upkeep",
    {},
    el("header", {}, el("h2", {}, t("runs_here"))),
    keys,
    el("p.hint", {}, asked),
    may("money") && el("p.acts", {}, runAct("run_rotate", "rotate", again, asked), runAct("run_release", "release", again)),
    el("p.hint", {}, t(may("money") ? "runs_forget" : "runs_barred")),
  );
}

function line({ what, at, operator, reason, target, done, total, said, outcome }) {
  return el(
    "li",
    {},
    el("time", {}, moment(at)),
    el("b", {}, operator),
    el("span.state", {}, named("act", `run_${what}`)),
    el("code", {}, target),
    el("span.reason", {}, reason),
    outcome ? outcomeOf(outcome) : el("span.state.cools", {}, total ? t("run_under_way", count(done), count(total)) : t("run_waits")),
    outcome ? null : el("progress", { max: total || 1, value: total ? done : null, "aria-label": t("run_progress") }),
    said.length > 0 && el("ul.said", {}, said.map((each) => el("li", {}, linked(saidOf(each), each)))),
  );
}

/** The words of a code; what stands in the way of an erasure leads to the page of its treasure. */
function linked(words, [code, task]) {
  if (!code.startsWith("need_") || !task) return words;
  const [before, after] = words.split(task);
  return [before, el("a", { href: `#/task/${task}` }, task), after];
}

/** A code with its values, in words. */
function saidOf([code, ...values]) {
  if (["sealed", "left"].includes(code)) values[0] = named("sealing", values[0]);
  if (code === "need_prize") values[1] = named("value", values[1]);
  if (code === "need_checked") values[1] = named("event_state", values[1]);
  return t(`step_${code}`, ...values);
}
