// A task in a list: its name, its depth, how long it cools down, and who watches.

import { el, write } from "./dom.js";
import { count, duration, isolated, lately, money } from "./format.js";
import { named, t } from "./words.js";

/** One row, kept and rewritten while its task changes. */
export class TaskRow {
  #name = el("b.name");
  #by = el("span.by");
  #state = el("span.state");
  #bar = el("i");
  #depth = el("span.depth");
  #prizes = el("span.prizes");
  #watchers = el("span.watching");
  #note = el("span.money");
  #link;

  constructor(task) {
    this.#link = el(
      "a.task",
      { href: `#/task/${task.code}` },
      el("span.first", {}, this.#name, this.#by, this.#state),
      el("span.bar", { "aria-hidden": "true" }, this.#bar),
      el("span.second", {}, this.#depth, this.#prizes, this.#note, this.#watchers),
    );
    this.element = el("li", { "data-code": task.code }, this.#link);
    this.task = task;
  }

  /** Take newer fields. */
  take(changes) {
    this.task = { ...this.task, ...changes };
  }

  /** Write a text beside the prizes. */
  note(text) {
    write(this.#note, text);
  }

  /** Write what has changed; `now` is the server's clock in unix milliseconds. */
  show(now) {
    const { task } = this;
    write(this.#name, task.name || task.code);
    write(this.#by, task.total_fen ? `${isolated(task.wxname)} · ${t("red_packet", money(task.total_fen))}` : task.wxname);
    const cools = !task.status && task.cd_until > now;
    const [kind, text] = stateOf(task, now);
    this.#state.className = `state ${kind}`;
    write(this.#state, text);
    this.element.classList.toggle("over", Boolean(task.status));
    this.#bar.classList.toggle("cools", cools);
    this.#bar.style.transform = `scaleX(${Math.min(1, task.now_depth / task.max_depth)})`;
    write(this.#depth, `${count(task.now_depth)} / ${count(task.max_depth)}`);
    write(this.#prizes, t("prizes_left", task.prizes_left, task.prize_num));
    write(this.#watchers, t("watching", count(task.watchers)));
  }
}

const UNSEEN = ["checking", "held", "hidden"]; // what only its publisher sees cannot be dug

/** Return a task's state as a kind and a text: why it cannot be dug, its cooldown, or that it is open. */
export function stateOf(task, now) {
  if (task.status) return ["ended", named("end", task.end_reason) || t("ended")];
  if (UNSEEN.includes(task.review)) return ["unpaid", t(task.review === "held" && task.open ? "reported" : task.review)];
  if (!task.open) return ["unpaid", t("unpaid")];
  const left = task.cd_until - now;
  return left > 0 ? ["cools", duration(left + 999)] : ["open", t("can_dig")];
}

/** A line of the stream: a dig, a win, or the end of a task. */
export function eventLine(event, nameOf) {
  const won = event.is_prize;
  const what = event.depth === undefined ? null : t(won ? "wins_at" : "digs_to", count(event.depth));
  const reason = event.end || event.end_reason;
  return el(
    `li${won ? ".won" : reason ? ".end" : ""}`,
    {},
    el("time", {}, lately(event.at)),
    el(
      "span",
      {},
      what && [el("b", {}, isolated(event.wxname)), ` ${what}`],
      reason && [what ? " · " : "", t("ends", named("end", reason))],
      " ",
      el("a", { href: `#/task/${event.code}`, "data-code": event.code }, isolated(event.name || nameOf(event.code))),
    ),
  );
}
