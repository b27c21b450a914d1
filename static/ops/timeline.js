// The timeline of a person, a treasure or a prize: what happened, when, by whom and why.

import { Refused, get } from "./api.js";
import { el, fill, write } from "./dom.js";
import { outcomeWord, say } from "./findings.js";
import { count, day, isolated, moment, money } from "./format.js";
import { actorName, known, named, t } from "./words.js";

/**
 * A section with a timeline: `who` is what `/ops/timeline` takes. It is read once, and as often as its button is pressed.
 *
 * `onRead` gets the newest events.
 */
export function timeline(who, onRead = () => {}) {
  const problem = el("p.problem", { role: "alert" });
  const list = el("ol.log.timeline");
  const judged = el("div");
  const cut = el("p.hint");
  const older = el("button.quiet", { type: "button", hidden: true, onclick: () => read(last) }, t("timeline_older"));
  const again = el("button.quiet", { type: "button", onclick: () => read(0) }, t("timeline_again"));
  let last = 0;

  async function read(before) {
    let reply;
    try {
      reply = await get("/ops/timeline", { ...who, before });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      write(problem, error.message);
      return;
    }
    write(problem, "");
    const lines = reply.data.map((event) => line(event, who));
    if (before) list.append(...lines);
    else {
      list.replaceChildren(...lines);
      fill(judged, reply.verdict && verdict(who.code, reply.verdict));
      onRead(reply.data);
    }
    last = reply.data.at(-1)?.at ?? last;
    older.hidden = !reply.more;
    write(cut, reply.whole_since ? t("timeline_cut", day(reply.whole_since)) : "");
  }

  read(0);
  return el("section.panel.timeline-panel", {}, el("header", {}, el("h2", {}, t("timeline")), again), problem, judged, list, older, cut);
}

/** The page of one prize. */
export function prizePage(root, code, depth) {
  const heading = el("h1", {}, code);
  const name = (events) => write(heading, `${isolated(events.find((event) => event.name)?.name ?? code)} · ${t("depth_of", count(depth))}`);
  fill(root, el("div.page-list", {}, el("p.crumb", {}, el("a", { href: `#/task/${code}` }, t("back_to_task"))), heading, timeline({ of: "prize", code, depth }, name)));
  return { title: `${code} · ${t("depth_of", count(depth))}`, ageMs: () => 0, stop() {} };
}

function line({ at, what, code, depth, wxname, by, why, state, amount_fen: fen, number, name }, who) {
  const act = what.startsWith("act_");
  const own = who.of !== "person" && code === who.code; // the page has the treasure's name at its top
  const dug = wxname && depth > 0 && who.of !== "person";
  return el(
    "li",
    {},
    el("time", {}, moment(at)),
    el(`b${act ? ".by-operator" : ""}`, {}, act ? named("act", what.slice(4)) : t(what === "opened" && at > Date.now() ? "event_opens" : `event_${what}`)),
    wxname && (dug ? el("a.name", { href: `#/person/${code}/${depth}` }, isolated(wxname)) : el("span", {}, isolated(wxname))),
    fen > 0 && el("span", {}, money(fen)),
    state && el("span.state", {}, stateWord(what, state)),
    by && el("span.note", {}, byWord(by)),
    why && el("span.reason", {}, whyWord(what, why)),
    number && el("code", {}, number),
    own ? depth > 0 && who.of === "task" && el("a", { href: `#/prize/${code}/${depth}` }, t("depth_of", count(depth)))
      : code && el("a", { href: depth ? `#/prize/${code}/${depth}` : `#/task/${code}` }, isolated(name || code), depth ? ` · ${t("depth_of", count(depth))}` : null),
  );
}

function stateWord(what, state) {
  if (what.startsWith("act_")) return outcomeWord(state);
  const kind = { task_made: "end", prize_made: "prize", review_made: "event_state", message: "told_state", reported: "event_state" }[what] ?? "state";
  return named(kind, state).replace("{0}", "").trim();
}

/** Who or what did it: an operator's name, a limit, or one word. */
function byWord(by) {
  const [who, name] = by.split(/:(.*)/);
  if (who === "operator") return t("by_operator", isolated(actorName(name ?? "")));
  return t(known(`why_${name}`) ? `why_${name}` : `by_${who}`);
}

function whyWord(what, why) {
  if (what === "reported") return [named("report", why.split(": ")[0]), why.includes(": ") && `: ${isolated(why.slice(why.indexOf(": ") + 2))}`];
  if (what === "message") return named("told", why);
  return isolated(why);
}

/** Whether the record holds, and where anybody can see that. */
function verdict(code, { commitment, ended, compared, differences }) {
  const found = differences.map((each) => el("p.problem", {}, `${t("alarm_invariant")}: ${say(each)}`));
  return [
    el("h3", {}, t("verdict")),
    found.length ? found : el("p.good", {}, t(compared ? "verdict_holds" : "verdict_draw")),
    el("p.hint", {}, t("commitment"), " ", el("code", {}, commitment)),
    ended ? el("p", {}, el("a", { href: `/#/task/${code}` }, t("verdict_page")), " · ", el("a", { href: `/getProof?code=${code}` }, t("verdict_proof"))) : el("p.hint", {}, t("verdict_later")),
  ];
}
