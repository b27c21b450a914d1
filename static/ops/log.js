// The audit log: who did what to whom and why, filtered by what its address says.

import { get } from "./api.js";
import { Part, el } from "./dom.js";
import { outcomeWord } from "./findings.js";
import { count, isolated, logAddress, moment } from "./format.js";
import { listPage } from "./lists.js";
import { keyLink } from "./person.js";
import { actorName, named, t } from "./words.js";

const ACTS = [
  ...["end", "end_fraud", "hide", "show", "feature", "unfeature", "daily", "undaily", "approve", "refuse", "ban", "unban", "signout"],
  ...["freeze_task", "freeze_prize", "freeze_person", "release_task", "release_prize", "release_person", "return_task", "return_prize"],
  ...["export_prizes", "leave", "stay", "erase", "user_info_modified", "user_authorization_revoke", "user_authorization_cancellation", "run_rotate", "run_forget", "run_release", "run_verify"],
];
const FILTERS = ["operator", "act", "about", "since", "until"];

/** Show the audit log, the newest act first; `query` is what its address has after "?". */
export function logPage(root, query = "") {
  const filters = Object.fromEntries([...new URLSearchParams(query)].filter(([name, value]) => FILTERS.includes(name) && value));
  const log = new Part();
  const show = (reply) =>
    log.show(reply, ({ data: acts, more }) => [
      acts.length ? el("ol.log.panel", {}, acts.map(actLine)) : el("p.blank", {}, t(Object.keys(filters).length ? "nothing_found" : "log_empty")),
      more > 0 && el("p", {}, el("a", { href: logAddress({ ...filters, until: acts.at(-1).at }) }, t("timeline_older"))),
    ]);
  return listPage(root, t("log"), el("div.found", {}, filterForm(filters), log.element), () => get("/ops/log", filters), show);
}

function filterForm(filters) {
  const field = (name, input) => el("label", {}, el("span", {}, t(`log_${name}`)), input);
  const operator = el("input", { maxlength: "64", value: filters.operator });
  const act = el("select", {}, el("option", { value: "" }, t("log_any")), ACTS.map((each) => el("option", { value: each, selected: each === filters.act }, named("act", each))));
  const about = el("input", { maxlength: "16", pattern: "[0-9A-Za-z]{12}|[0-9A-Za-z]{16}", title: t("log_about_hint"), placeholder: t("log_about_hint"), value: filters.about });
  const [since, until] = ["since", "until"].map((name) => el("input", { type: "datetime-local", step: "1", value: filters[name] && localTime(Number(filters[name])) }));
  const find = (event) => {
    event.preventDefault();
    const time = ({ value }) => value && String(new Date(value).getTime());
    const asked = { operator: operator.value.trim(), act: act.value, about: about.value.trim(), since: time(since), until: time(until) };
    location.hash = logAddress(Object.fromEntries(Object.entries(asked).filter(([, value]) => value)));
  };
  return el(
    "form.filters.panel",
    { onsubmit: find },
    field("operator", operator),
    field("act", act),
    field("about", about),
    field("since", since),
    field("until", until),
    el("span.acts", {}, el("button.primary", { type: "submit" }, t("log_filter"))),
  );
}

/** A moment as a `datetime-local` field takes it, in the browser's time zone. */
function localTime(ms) {
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function actLine({ at, operator, shared, act, reason, outcome, ...about }) {
  return el(
    "li",
    {},
    el("time", {}, moment(at)),
    el("b", {}, el("a.name", { href: logAddress({ operator }) }, isolated(actorName(operator)))),
    shared ? el("span.note", {}, t("shared_token")) : null,
    el(`span.state${act === "end" ? ".bad" : ""}`, {}, named("act", act)),
    el("span", {}, subject(about)),
    el("span.reason", {}, reason),
    outcomeOf(outcome),
  );
}

/** Whom and what an act was about, with the links to their pages. If no name is known any more, the target as it was logged. */
function subject({ target, code, depth, name, key, wxname }) {
  const [kind] = target.split(":");
  const person = key ? keyLink(key, isolated(wxname || key.split(":")[1])) : kind === "profile" ? keyLink(target, t("a_person")) : null;
  const task = code && el("a", { href: depth ? `#/prize/${code}/${depth}` : `#/task/${code}` }, isolated(name || code), depth ? ` · ${t("depth_of", count(depth))}` : null);
  return person || task ? [person, person && task ? " · " : null, task] : el("code", {}, target);
}

/** What became of an act, as a mark. */
export const outcomeOf = (outcome) => el(`span.state.${{ done: "open", begun: "cools" }[outcome] ?? "bad"}`, {}, outcomeWord(outcome));
