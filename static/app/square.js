// The square: running treasures, then those that ended lately. It grows as you scroll, renews the cards in
// sight, and drops cards far below.

import { get } from "./api.js";
import { cardSet } from "./cards.js";
import { keepNew } from "./channel.js";
import { rememberSquare } from "../miniprogram/shared/afterwards.js";
import { observeCard } from "../miniprogram/shared/clock.js";
import { cardsOf, inPlace, runs, sought as wanted } from "../miniprogram/shared/cards.js";
import { SQUARE_MS, keepShown } from "../miniprogram/shared/renewing.js";
import { KINDS, SQUARE } from "../miniprogram/shared/words.js";
import { arrange, el, fill, set, write } from "./dom.js";
import { isNew, practice } from "./newcomer.js";
import { takesCash } from "./payment.js";
import { person } from "./session.js";

const PAGE = 20;
const MOST_RENEWED = 100; // further down nothing is renewed until the person scrolls back
const MOST_PAGES = 25;
const AHEAD_PX = 600;

// The square as it was left, for somebody who comes back from a treasure.
let left = { whose: null, cards: [], pages: 0, lengths: [], scroll: 0, focused: null, kind: "", name: "", unfolded: false };

const TYPING_MS = 300;

export function square(root, signal) {
  const page = new Square(signal);
  if (isNew()) page.practice.begin();
  fill(root, el("h1.quiet", {}, "广场"), page.practice.element, page.daily, searchForm(page.sought, () => page.lookFor()), page.running, page.noneRuns, page.fold, page.sentinel, page.foot);
  root.classList.add("wide");
  page.begin();
  return "";
}

class Square {
  constructor(signal) {
    this.signal = signal;
    this.practice = practice();
    this.daily = el("div");
    this.renewDaily = async () => {};
    this.running = el("ul.cards", { "aria-label": "正在进行" });
    this.over = el("ul.cards", { "aria-label": SQUARE.over });
    this.fold = el("details.fold.over", { hidden: true, ontoggle: () => this.fold.open && this.follow() },
      el("summary", {}, el("h2", {}, SQUARE.over)), this.over);
    this.noneRuns = el("p.blank", { role: "status" });
    this.foot = el("p.blank", { role: "status" });
    this.sentinel = el("div.sentinel", { "aria-hidden": "true" });
    const kept = left.whose === person.unionid ? left : { kind: "", name: "", unfolded: false };
    this.fold.open = kept.unfolded;
    this.sought = { kind: kept.kind, name: kept.name };
    this.cards = cardSet();
    this.pages = 0;
    this.lengths = []; // how many cards each page had
    this.complete = false;
    this.loading = false;
    this.asked = 0; // counts changes of the search: replies to an earlier search are dropped
  }

  /** Show the square as it was left, or its first page, and keep it new until another page takes its place. */
  begin() {
    const { signal, cards } = this;
    const renew = keepNew(SQUARE_MS, () => this.renew(true), signal);
    if (left.whose === person.unionid && left.pages) {
      this.pages = left.pages;
      this.lengths = left.lengths;
      this.show(left.cards);
      scrollTo(0, left.scroll);
      this.running.parentElement.querySelector(`[data-code="${left.focused}"] a`)?.focus({ preventScroll: true });
      this.renew(false).catch(keepShown);
    } else {
      write(this.foot, SQUARE.reading);
      this.more();
    }
    import("./daily.js").then((loaded) => {
      if (signal.aborted) return;
      const { element, renew: renewDaily } = loaded.daily(signal);
      this.daily.append(element);
      this.renewDaily = renewDaily;
    }, () => {}); // the square works without it
    const seen = new IntersectionObserver(([entry]) => entry.isIntersecting && this.more(), { rootMargin: `${AHEAD_PX}px` });
    seen.observe(this.sentinel);
    const ticking = setInterval(cards.tick, 500);
    addEventListener("online", renew, { signal });
    signal.addEventListener("abort", () => {
      seen.disconnect();
      clearInterval(ticking);
      // Whoever pressed its tab is still there, and reads it anew from its top.
      left = { whose: person?.unionid, cards: cards.all(), pages: location.hash === "#/" ? 0 : this.pages, lengths: this.lengths, scroll: scrollY, focused: document.activeElement?.closest("[data-code]")?.dataset.code, ...this.sought, unfolded: this.fold.open };
    });
  }

  /** Show these cards, and no others. */
  show(cards) {
    const { running, over, fold, foot, sought } = this;
    const first = cards.filter(runs);
    rememberSquare(first);
    const elements = this.cards.show([...first, ...cards.filter((card) => !runs(card))]);
    arrange(running, elements.slice(0, first.length));
    arrange(over, elements.slice(first.length));
    set(fold, { hidden: !over.childElementCount });
    const onlyOver = !first.length && elements.length > 0;
    if (onlyOver) fold.open = true; // nothing else to see
    write(this.noneRuns, onlyOver ? SQUARE.noneRuns : "");
    // All treasures after a short page with ended ones have ended too.
    const folded = over.childElementCount && !fold.open && this.lengths.at(-1) < PAGE;
    if (!this.complete && !folded) write(foot, this.pages === MOST_PAGES ? `这里只列出最近的 ${elements.length} 个` : "");
    else if (elements.length) write(foot, SQUARE.end);
    else if (sought.name) write(foot, SQUARE.unfound);
    else if (sought.kind) write(foot, SQUARE.noneOf);
    else this.sayEmpty();
  }

  /** Say what to do about an empty square; where the sandbox plays WeChat, also how to fill it. */
  sayEmpty() {
    const { foot } = this;
    if (foot.querySelector("a")) return; // keep the focus
    const made = document.documentElement.dataset.login === "sandbox";
    fill(
      foot,
      el("span.bare", {}, SQUARE.none, el("a", { href: "#/publish" }, "埋一个"), "，或者", el("button.link", { onclick: this.practice.begin }, "先练三锹")),
      made ? el("span.bare", {}, "想先看看热闹，就在另一个终端里运行 ", el("code", {}, "python -m server crowd")) : null,
    );
  }

  async read(page) {
    const found = await get("/getTaskList", { page, ...wanted(this.sought) });
    found.data.forEach(observeCard);
    return cardsOf(found);
  }

  /** Read this many pages, from `first` on, and let `take` show them, unless the search changes meanwhile. */
  async load(first, number, take) {
    this.loading = true;
    const mine = this.asked;
    try {
      const pages = await Promise.all(Array.from({ length: number }, (_, before) => this.read(first + before)));
      if (this.signal.aborted || mine !== this.asked) return;
      this.complete = !pages.at(-1).length; // a short page is not the last one: each has few cards of one publisher
      this.lengths.splice(first - 1, Infinity, ...pages.map((cards) => cards.length));
      take(pages.flat());
    } catch (error) {
      if (mine === this.asked) throw error;
      return;
    } finally {
      if (mine === this.asked) this.loading = false;
    }
    this.follow(); // if the sentinel is still in sight, its observer does not fire again
  }

  /** Look for something else. */
  lookFor() {
    this.asked += 1;
    this.pages = 0;
    this.complete = this.loading = false;
    write(this.foot, "正在找…");
    this.more();
  }

  /** Read on if the end is near. */
  follow() {
    if (near(this.sentinel)) this.more();
  }

  async more() {
    const { foot, over, fold } = this;
    if (this.loading || this.complete || this.pages === MOST_PAGES) return;
    if (over.childElementCount && !fold.open && this.pages) return; // what follows would be folded too
    try {
      await this.load(this.pages + 1, 1, (cards) => {
        this.pages += 1;
        this.show(inPlace(this.pages === 1 ? [] : this.cards.all(), cards, false)); // pages overlap if a task was published between
      });
    } catch (error) {
      fill(foot, error.message, " ", el("button.link", { onclick: () => { write(foot, ""); this.more(); } }, "再试一次"));
      if (!error.error) throw error;
    }
  }

  /** Read the cards in sight again. If `keeps`, they stay where they are, ended or not, under a thumb on its way. */
  async renew(keeps) {
    const { running, over, fold } = this;
    if (document.hidden || this.loading) return;
    this.renewDaily().catch(keepShown);
    const shown = () => [...running.children, ...(fold.open ? over.children : [])];
    const inView = () => shown().filter(near).length;
    const seen = inView();
    if (seen > MOST_RENEWED) return;
    let cards = seen;
    let inSight = 0;
    while (cards > 0 && inSight < this.lengths.length) cards -= this.lengths[inSight++];
    if (seen === shown().length) inSight = this.lengths.length; // also the empty page, by which all is known
    inSight = Math.max(1, inSight);
    await this.load(1, inSight, (found) => {
      this.pages = inSight;
      this.show(inPlace(keeps ? this.cards.all().slice(0, Math.max(seen, inView())) : [], found, this.complete && this.sought.kind !== "upcoming")); // what starts leaves those
    });
  }
}

function near(element) {
  return element.getBoundingClientRect().top < innerHeight + AHEAD_PX;
}

/** Return the form that changes `sought` and then calls `changed`. */
function searchForm(sought, changed) {
  let typing = 0;
  const name = el("input", {
    type: "search", name: "name", maxlength: 50, value: sought.name, placeholder: SQUARE.byName, "aria-label": SQUARE.byName,
    enterkeyhint: "search", autocomplete: "off",
  });
  const read = () => {
    const now = { kind: form.elements.kind.value, name: name.value.trim() };
    if (now.kind === sought.kind && now.name === sought.name) return;
    Object.assign(sought, now);
    changed();
  };
  const soon = () => {
    clearTimeout(typing);
    typing = setTimeout(read, TYPING_MS);
  };
  const kinds = KINDS.filter(([value]) => value !== "red_packet" || takesCash());
  const form = el("form.looking", { role: "search", onsubmit: (event) => { event.preventDefault(); read(); }, oninput: soon },
    name,
    el("div.segments", { role: "group", "aria-label": "里面是什么" }, kinds.map(([value, label]) =>
      el("label", {}, el("input", { type: "radio", name: "kind", value, checked: value === sought.kind }), el("span", {}, label)))));
  return form;
}
