// The screen itself: charts, tasks, what just happened, processes. It shows the feed, once a second.

import { get } from "./api.js";
import { makeCharts } from "./charts.js";
import { Part, el, fill, order, write } from "./dom.js";
import { bytes, clock, count, duration, isolated, milliseconds, money } from "./format.js";
import { History } from "./history.js";
import { off } from "./me.js";
import { Reread } from "./reread.js";
import { TaskRow, eventLine } from "./rows.js";
import { cash, t } from "./words.js";

const STREAM_LINES = 60;
const SILENT_SECONDS = 3;
const SUMS = ["paid", "given", "refunded", "held"];
const LISTS = cash ? ["hidden", "unpaid", "held", "featured"] : ["hidden", "featured"];

export class Screen {
  #feed;
  #history = new History();
  #rows = new Map();
  #processes = new Map();
  #names = new Map();
  #board = null;
  #charts;
  #running = el("span.note");
  #tasks = el("ul.tasks");
  #hidden = new Part("ul.tasks");
  #hiddenNow = el("div.hidden-now", { hidden: true }, el("h3", {}, el("a", { href: "#/reports" }, t("hidden_now"))), this.#hidden.element);
  #stream = el("ol.stream");
  #processList = el("ul.processes");
  #replaced = el("span.note");
  #off = el("p.lists");
  #moneyNote = el("span.note");
  #sums = Object.fromEntries(SUMS.map((name) => [name, el("dd", {}, "–")]));
  #today = el("dd", {}, "–");
  #shown = false;

  constructor(feed) {
    this.#feed = feed;
    this.#charts = makeCharts(this.#history, () => this.#board && this.#counted("stock", this.#board.prizes_left, this.#board.prizes));
    this.element = el(
      "div.screen",
      {},
      el("h1.unseen", {}, t("title")),
      el("div.charts", {}, this.#charts.map((chart) => chart.element)),
      cash && panel("funds", el("dl.numbers", {}, SUMS.map((name) => el("div", {}, this.#sums[name], el("dt", {}, t(`money_${name}`)))), el("div", {}, this.#today, el("dt", {}, t("money_today")))), this.#moneyNote),
      panel("tasks", this.#tasks, this.#running, [this.#hiddenNow, el("p.lists", {}, LISTS.map((of) => el("a", { href: `#/list/${of}` }, t(`list_${of}`))))]),
      panel("stream", this.#stream),
      panel("processes", this.#processList, this.#replaced, this.#off),
    );
    feed.addEventListener("history", ({ detail }) => this.#begin(detail));
    feed.addEventListener("heartbeat", ({ detail }) => this.#heartbeat(detail));
    feed.addEventListener("board", ({ detail }) => this.#tasksTold(detail));
    document.addEventListener("visibilitychange", () => this.#show());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#show()); // old data comes with no new picture
  }

  /** How old the newest second is, in milliseconds; 0 before there is one. */
  ageMs() {
    return this.#history.newest && this.#feed.now() - (this.#history.newest + 1) * 1000;
  }

  /** Put the screen into `root`, as a page; it draws only while it is there. */
  open(root) {
    this.#shown = true;
    fill(root, this.element);
    write(this.#off, off().map((name) => t(`off_${name}`)).join(" "));
    this.#show();
    const sums = cash && new Reread(() => get("/ops/money"), (reply) => this.#moneyTold(reply), (problem) => problem && write(this.#moneyNote, problem));
    const stop = () => {
      this.#shown = false;
      if (sums) sums.stop();
    };
    return { stop, ageMs: () => 0 }; // main.js asks the screen's own `ageMs` on every page
  }

  #moneyTold(reply) {
    for (const name of SUMS) write(this.#sums[name], reply.at ? money(reply[`${name}_fen`]) : "–");
    write(this.#today, money(reply.today_fen));
    write(this.#moneyNote, reply.at ? t("ago", Math.max(0, Math.floor((this.#feed.now() - reply.at) / 1000))) : t("not_added_up"));
  }

  /** Show the tasks as old if they were read more than `staleMs` ago. */
  age(staleMs) {
    if (!this.#board) return;
    const age = this.#feed.now() - this.#board.now;
    this.#tasks.classList.toggle("stale", age > staleMs);
    write(this.#running, age > staleMs ? t("stale", Math.floor(age / 1000)) : this.#counted("tasks_running", this.#board.running));
  }

  /** Return a text with counted numbers, and how long ago they were counted if that is over 3 s. */
  #counted(key, ...numbers) {
    if (!this.#board.counted_at) return "…";
    const seconds = Math.floor((this.#feed.now() - this.#board.counted_at) / 1000);
    const text = t(key, ...numbers.map(count));
    return seconds > 3 ? `${text} · ${t("ago", seconds)}` : text;
  }

  #begin(frame) {
    this.#history.begin(frame);
    fill(this.#stream, el("li.blank", {}, t("no_stream")));
    this.#happened([...frame.digs, ...frame.ends]);
    this.#show();
  }

  #heartbeat(frame) {
    this.#history.add(frame.seconds);
    for (const dig of frame.digs) {
      const row = this.#rows.get(dig.code);
      if (!row || row.task.now_depth >= dig.depth) continue;
      row.take({ now_depth: dig.depth, cd_until: dig.cd_until });
      if (dig.is_prize) row.take({ prizes_left: row.task.prizes_left - 1 });
      if (dig.end) row.take({ status: 1, end_reason: dig.end });
    }
    for (const end of frame.ends) this.#rows.get(end.code)?.take({ status: 1, end_reason: end.end_reason });
    this.#happened([...frame.digs, ...frame.ends]);
    this.#tell(frame.processes);
    this.#show();
  }

  #tasksTold(frame) {
    this.#board = frame;
    if (frame.queues) this.#hiddenTold(frame.queues.hidden);
    for (const task of frame.tasks) {
      this.#names.set(task.code, task.name);
      const row = this.#rows.get(task.code);
      // The board may have been read before a dig that the feed told first.
      if (row && row.task.now_depth > task.now_depth) row.take({ watchers: task.watchers });
      else if (row) row.take(task);
      else this.#rows.set(task.code, new TaskRow(task));
    }
    const codes = new Set(frame.tasks.map((task) => task.code));
    const named = new Set(codes);
    for (const link of this.#stream.querySelectorAll("a")) {
      named.add(link.dataset.code);
      if (this.#names.has(link.dataset.code)) write(link, isolated(this.#names.get(link.dataset.code)));
    }
    for (const code of this.#names.keys()) if (!named.has(code)) this.#names.delete(code);
    for (const code of this.#rows.keys()) if (!codes.has(code)) this.#rows.delete(code);
    order(this.#tasks, frame.tasks.map((task) => this.#rows.get(task.code).element), t("no_tasks"));
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

  #happened(events) {
    if (!events.length) return;
    this.#stream.querySelector(".blank")?.remove();
    events.sort((one, other) => one.at - other.at);
    const lines = events.slice(-STREAM_LINES).map((event) => eventLine(event, (code) => this.#names.get(code) ?? code));
    this.#stream.prepend(...lines.reverse());
    while (this.#stream.children.length > STREAM_LINES) this.#stream.lastElementChild.remove();
  }

  #tell(rows) {
    const told = new Set(rows.map((row) => row.process));
    for (const process of this.#processes.keys()) if (!told.has(process)) this.#processes.delete(process);
    for (const row of rows) {
      if (!this.#processes.has(row.process)) this.#processes.set(row.process, new ProcessRow(row));
      this.#processes.get(row.process).show(row, this.#feed.now());
    }
    order(this.#processList, rows.map((row) => this.#processes.get(row.process).element), "");
  }

  #show() {
    if (!this.#shown || document.hidden) return;
    const now = this.#feed.now();
    for (const row of this.#rows.values()) row.show(now);
    for (const chart of this.#charts) chart.draw();
    const replaced = [...this.#history.all()].filter((second) => second.replaced);
    const number = replaced.reduce((sum, second) => sum + second.replaced, 0);
    const last = Math.max(...replaced.map((second) => second.at));
    write(this.#replaced, number ? t("replaced", count(number), clock(last * 1000)) : "");
  }
}

class ProcessRow {
  #state = el("span.state");
  #values = Object.fromEntries(["watchers", "memory", "lag_short", "since"].map((name) => [name, el("dd")]));

  constructor(row) {
    const facts = Object.entries(this.#values).map(([name, value]) => el("div", {}, el("dt", {}, t(name)), value));
    this.element = el(
      "li",
      { "data-process": row.process },
      el("b", {}, row.process.replace(/:\w+$/, "")), // machine and pid
      this.#state,
      el("dl", {}, facts),
    );
  }

  show(row, now) {
    const silent = Math.floor(now / 1000 - row.at - 1);
    const [kind, text] =
      silent >= SILENT_SECONDS
        ? ["bad", t("silent", silent)]
        : row.draining
          ? ["cools", t("draining")]
          : !row.redis_up
            ? ["bad", t("no_redis")]
            : !row.mongodb_up
              ? ["bad", t("no_mongodb")]
              : ["open", t("serving")];
    this.#state.className = `state ${kind}`;
    write(this.#state, text);
    write(this.#values.watchers, count(row.watchers));
    write(this.#values.memory, bytes(row.rss_bytes));
    write(this.#values.lag_short, milliseconds(row.lag_ms));
    write(this.#values.since, duration(now - row.since));
  }
}

function panel(name, list, note, links = null) {
  return el(`section.panel.${name}-panel`, { "aria-labelledby": `${name}-title` }, el("header", {}, el("h2", { id: `${name}-title` }, t(name)), note), links, list);
}
