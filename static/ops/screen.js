// The screen itself: the money, the tasks that matter, and what waits.

import { get } from "./api.js";
import { Part, el, fill, order, write } from "./dom.js";
import { count, money } from "./format.js";
import { off } from "./me.js";
import { Reread } from "./reread.js";
import { TaskRow } from "./rows.js";
import { cash, t } from "./words.js";

const SUMS = ["paid", "given", "refunded", "held"];
const LISTS = cash ? ["hidden", "unpaid", "held", "featured"] : ["hidden", "featured"];

export class Screen {
  #feed;
  #rows = new Map();
  #board = null;
  #running = el("span.note");
  #tasks = el("ul.tasks");
  #hidden = new Part("ul.tasks");
  #hiddenNow = el("div.hidden-now", { hidden: true }, el("h3", {}, el("a", { href: "#/reports" }, t("hidden_now"))), this.#hidden.element);
  #off = el("p.lists");
  #moneyNote = el("span.note");
  #sums = Object.fromEntries(SUMS.map((name) => [name, el("dd", {}, "–")]));
  #today = el("dd", {}, "–");
  #shown = false;

  constructor(feed) {
    this.#feed = feed;
    this.element = el(
      "div.screen",
      {},
      el("h1.unseen", {}, t("title")),
      cash && panel("funds", el("dl.numbers", {}, SUMS.map((name) => el("div", {}, this.#sums[name], el("dt", {}, t(`money_${name}`)))), el("div", {}, this.#today, el("dt", {}, t("money_today")))), this.#moneyNote),
      panel("tasks", this.#tasks, this.#running, [this.#hiddenNow, el("p.lists", {}, LISTS.map((of) => el("a", { href: `#/list/${of}` }, t(`list_${of}`))))]),
      this.#off,
    );
    feed.addEventListener("board", ({ detail }) => this.#tasksTold(detail));
    document.addEventListener("visibilitychange", () => this.tick());
  }

  /** Put the screen into `root`, as a page; it writes only while it is there. */
  open(root) {
    this.#shown = true;
    fill(root, this.element);
    write(this.#off, off().map((name) => t(`off_${name}`)).join(" "));
    this.tick();
    const sums = cash && new Reread(() => get("/ops/money"), (reply) => this.#moneyTold(reply), (problem) => problem && write(this.#moneyNote, problem));
    const stop = () => {
      this.#shown = false;
      if (sums) sums.stop();
    };
    return { stop, ageMs: () => 0, tick: () => this.tick() }; // its age is the feed's
  }

  #moneyTold(reply) {
    for (const name of SUMS) write(this.#sums[name], reply.at ? money(reply[`${name}_fen`]) : "–");
    write(this.#today, money(reply.today_fen));
    write(this.#moneyNote, reply.at ? t("ago", Math.max(0, Math.floor((this.#feed.now() - reply.at) / 1000))) : t("not_added_up"));
  }

  /** Show the tasks as old if they were read more than `staleMs` ago, as while MongoDB is silent. */
  age(staleMs) {
    if (!this.#board) return;
    const age = this.#feed.now() - this.#board.read_at;
    this.#tasks.classList.toggle("stale", age > staleMs);
    write(this.#running, age > staleMs ? t("stale", Math.floor(age / 1000)) : this.#counted());
  }

  /** Return how many treasures can be dug and how many prizes are left, and how long ago that was counted if over 3 s. */
  #counted() {
    const { counted_at: countedAt, running, prizes_left: left, prizes } = this.#board;
    if (!countedAt) return "…";
    const seconds = Math.floor((this.#feed.now() - countedAt) / 1000);
    const text = `${t("tasks_running", count(running))} · ${t("stock", count(left), count(prizes))}`;
    return seconds > 3 ? `${text} · ${t("ago", seconds)}` : text;
  }

  #tasksTold(board) {
    this.#board = board;
    this.#hiddenTold(board.queues.hidden);
    for (const task of board.tasks) {
      if (this.#rows.has(task.code)) this.#rows.get(task.code).take(task);
      else this.#rows.set(task.code, new TaskRow(task));
    }
    const codes = new Set(board.tasks.map((task) => task.code));
    for (const code of this.#rows.keys()) if (!codes.has(code)) this.#rows.delete(code);
    order(this.#tasks, board.tasks.map((task) => this.#rows.get(task.code).element), t("no_tasks"));
    this.tick();
  }

  /** Show the tasks that reports alone hide, which wait for an operator. */
  #hiddenTold(tasks) {
    this.#hiddenNow.hidden = !tasks.length;
    this.#hidden.show(tasks, () => tasks.map((task) => {
      const row = new TaskRow(task);
      row.show(this.#feed.now());
      return row.element;
    }));
  }

  /** Write the countdowns anew. */
  tick() {
    if (!this.#shown || document.hidden) return;
    const now = this.#feed.now();
    for (const row of this.#rows.values()) row.show(now);
  }
}

function panel(name, list, note, links = null) {
  return el(`section.panel.${name}-panel`, { "aria-labelledby": `${name}-title` }, el("header", {}, el("h2", { id: `${name}-title` }, t(name)), note), links, list);
}
