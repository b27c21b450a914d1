// The people who dug a task: the newest first, as they join; a button shows earlier ones.

import { PEOPLE, layersMark, undug } from "../miniprogram/shared/words.js";
import { get } from "./api.js";
import { attempt, avatar, el, icon, set, write } from "./dom.js";

const PAGE = 50; // page n of getTaskUser always holds the places 50 (n − 1) + 1 to 50 n
const NEWEST = 60;
const FEWEST = 20; // a press of the button shows at least this many more

/** The list: its `element`, with `reset(details)`, `add(row)`, `mark(no)` for a winner, `rename(row)`, and `count(task)`. */
export class Participants {
  constructor(task, signal) {
    this.task = task;
    this.signal = signal;
    this.list = el("ul.people");
    this.total = el("span.count");
    this.more = el("button", { hidden: true, onclick: () => this.lookBack() });
    this.nobody = el("p.blank");
    this.problem = el("p.problem", { role: "alert" });
    this.element = el("section.panel", {}, el("h2", {}, PEOPLE.title, this.total), this.list, this.nobody, this.more, this.problem);
    this.shown = new Map(); // by no
    this.winners = new Set();
    this.number = 0;
    this.most = NEWEST; // grows as earlier people are shown
    this.resets = 0;
    this.looking = false;
  }

  /** Show what the details say: `users` are the first page. */
  async reset({ users, participants: upTo }) {
    this.resets += 1;
    const mine = this.resets;
    this.number = upTo;
    if (upTo <= PAGE) return this.replace(users, upTo);
    const last = Math.ceil(upTo / PAGE);
    this.show();
    return attempt(this.problem, async () => { // after a failure the button tries again
      const rows = await Promise.all([last === 2 ? users : this.read(last - 1), this.read(last)]);
      if (mine === this.resets && !this.signal.aborted) this.replace(rows.flat(), upTo);
    });
  }

  add(row) {
    this.insert(row);
    this.show();
  }

  mark(no) {
    this.winners.add(no);
    const person = this.shown.get(no);
    if (!person) return;
    person.classList.add("won");
    person.querySelector("em")?.remove();
    person.append(el("em", {}, icon("trophy", 14), no === this.task.no ? PEOPLE.own : PEOPLE.won));
  }

  rename({ no, wxname, wxheadpic }) {
    const person = this.shown.get(no);
    if (!person) return;
    person.firstChild.replaceWith(avatar({ wxheadpic, wxname }, 44));
    write(person.children[1], wxname);
  }

  count(task) {
    this.number = task.participants;
    write(this.nobody, undug(task));
    this.show();
  }

  // Only the list itself uses the methods below.

  first() {
    return Math.min(this.number + 1, ...this.shown.keys());
  }

  async read(page) {
    return (await get("/getTaskUser", { code: this.task.code, page })).data;
  }

  insert({ no, wxname, wxheadpic, is_prize, layers }) {
    const { list, shown, winners } = this;
    if (is_prize) winners.add(no);
    if (shown.has(no)) return;
    const person = el("li", { "data-no": no }, avatar({ wxheadpic, wxname }, 44), el("span", {}, wxname), layers ? el("small", {}, layersMark({ layers })) : null);
    shown.set(no, person);
    list.insertBefore(person, [...list.children].find(({ dataset }) => Number(dataset.no) < no) ?? null);
    if (winners.has(no)) this.mark(no);
  }

  drop(no) {
    this.shown.get(no).remove();
    this.shown.delete(no);
  }

  show() {
    const { number } = this;
    while (this.shown.size > this.most) this.drop(this.first());
    write(this.total, number ? ` ${number} 人` : "");
    set(this.nobody, { hidden: number > 0 });
    set(this.more, { hidden: this.first() <= 1 });
    write(this.more, `看更早的人（还有 ${this.first() - 1} 人）`);
  }

  async lookBack() {
    if (this.looking) return;
    this.looking = true;
    write(this.problem, "");
    const wanted = this.shown.size + FEWEST;
    await attempt(this.problem, async () => {
      for (let before = 0; this.first() > 1 && this.shown.size < wanted && this.first() !== before; ) {
        before = this.first();
        const rows = await this.read(Math.ceil((before - 1) / PAGE));
        if (this.signal.aborted) return;
        rows.forEach((row) => this.insert(row));
        this.most = Math.max(this.most, this.shown.size);
      }
    }).finally(() => {
      this.looking = false;
      this.show();
    });
  }

  /** Show these instead of all people up to place `upTo`; people who joined later stay. */
  replace(rows, upTo) {
    for (const no of [...this.shown.keys()]) if (no <= upTo) this.drop(no);
    this.most = NEWEST;
    write(this.problem, "");
    rows.forEach((row) => this.insert(row));
    this.show();
  }
}
