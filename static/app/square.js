// The square: running treasures, then those that ended lately. It grows as you scroll, renews the cards in
// sight, and drops those far below.

import { get } from "./api.js";
import { cardElement } from "./cards.js";
import { channel } from "./channel.js";
import { observeCard } from "../miniprogram/shared/clock.js";
import { arrange, el, fill, onReturn, set, write } from "./dom.js";
import { person } from "./session.js";

const RENEW_MS = 8_000;
const PAGE = 20;
const RENEWED_PAGES = 5; // further down nothing is renewed until the person scrolls back
const MOST_PAGES = 25;
const AHEAD_PX = 600;

// Coming back from a treasure finds the square as it was left.
let left = { whose: null, cards: [], pages: 0, scroll: 0, kind: "", name: "", unfolded: false };

const KINDS = [["", "全部"], ["red_packet", "红包"], ["by_mail", "邮寄"], ["on_site", "现场领"]];
const TYPING_MS = 300;

export function square(root, signal) {
  const running = el("ul.cards", { "aria-label": "正在进行" });
  const over = el("ul.cards", { "aria-label": "已经结束" });
  const fold = el("details.fold.over", { hidden: true, ontoggle: () => fold.open && near(sentinel) && more() },
    el("summary", {}, el("h2", {}, "已经结束")), over);
  const foot = el("p.blank", { role: "status" });
  const sentinel = el("div.sentinel", { "aria-hidden": "true" });
  const kept = left.whose === person.unionid ? left : { kind: "", name: "", unfolded: false };
  fold.open = kept.unfolded;
  const sought = { kind: kept.kind, name: kept.name };
  const looking = searchForm(sought, lookFor);
  fill(root, el("h1.quiet", {}, "广场"), looking, running, fold, sentinel, foot);
  root.classList.add("wide");

  const elements = new Map();
  let pages = 0;
  let complete = false;
  let loading = false;
  let asked = 0; // counts changes of what is sought: what was asked for before is dropped

  const items = () => [...running.children, ...(fold.open ? over.children : [])];
  const cards = () => [...running.children, ...over.children].map(({ dataset }) => elements.get(dataset.code).card());
  const near = (element) => element.getBoundingClientRect().top < innerHeight + AHEAD_PX;

  /** Show these cards, and no others. */
  function show(wanted) {
    const byCode = new Map(wanted.map((card) => [card.code, card])); // pages overlap if a task was published between
    for (const [code, { element }] of elements) {
      if (byCode.has(code)) continue;
      element.remove();
      elements.delete(code);
    }
    for (const [code, card] of byCode) {
      if (elements.has(code)) elements.get(code).update(card);
      else elements.set(code, cardElement(card));
    }
    const all = [...byCode.values()];
    const inOrder = (chosen) => chosen.map(({ code }) => elements.get(code).element);
    arrange(running, inOrder(all.filter(({ status }) => !status)));
    arrange(over, inOrder(all.filter(({ status }) => status)));
    set(fold, { hidden: !over.childElementCount });
    if (!running.childElementCount && over.childElementCount) fold.open = true; // nothing else to see
    if (complete && !elements.size && (sought.kind || sought.name)) write(foot, "没有找到，换个开头试试");
    else if (complete && !elements.size) sayEmpty(foot);
    else if (complete) write(foot, "就这些了");
    else write(foot, pages === MOST_PAGES ? `这里只列出最近的 ${MOST_PAGES * PAGE} 个` : "");
  }

  async function read(page) {
    const { data, mine, won } = await get("/getTaskList", { page, kind: sought.kind || null, name: sought.name || null });
    data.forEach(observeCard);
    return data.map((card) => ({ ...card, mine: mine.includes(card.code), won: won.includes(card.code) }));
  }

  /** Look for something else. */
  function lookFor() {
    asked += 1;
    pages = 0;
    complete = loading = false;
    write(foot, "正在找…");
    more();
  }

  async function more() {
    if (loading || complete || pages === MOST_PAGES) return;
    if (over.childElementCount && !fold.open && pages) return; // what follows would be folded too
    loading = true;
    const mine = asked;
    try {
      const data = await read(pages + 1);
      if (signal.aborted || mine !== asked) return;
      pages += 1;
      complete = data.length < PAGE;
      show([...(pages === 1 ? [] : cards()), ...data]);
    } catch (error) {
      if (mine !== asked) return;
      fill(foot, error.message, " ", el("button.link", { type: "button", onclick: () => { write(foot, ""); more(); } }, "再试一次"));
      if (!error.error) throw error;
      return;
    } finally {
      if (mine === asked) loading = false;
    }
    // If the sentinel is still in sight, its observer does not fire again.
    if (near(sentinel)) more();
  }

  async function renew() {
    if (document.hidden || loading) return;
    const inSight = Math.max(1, Math.ceil(items().filter(near).length / PAGE));
    if (inSight > RENEWED_PAGES) return;
    loading = true;
    const mine = asked;
    try {
      const renewed = await Promise.all(Array.from({ length: inSight }, (_, before) => read(before + 1)));
      if (signal.aborted || mine !== asked) return;
      pages = inSight;
      complete = renewed.at(-1).length < PAGE;
      show(renewed.flat());
    } catch (error) {
      if (!error.error) throw error; // after a refusal keep what is shown; the next try comes soon
      return;
    } finally {
      if (mine === asked) loading = false;
    }
    if (near(sentinel)) more();
  }

  if (left.whose === person.unionid && left.pages) {
    ({ pages } = left);
    show(left.cards);
    scrollTo(0, left.scroll);
    renew();
  } else {
    write(foot, "正在看看谁埋了宝贝…");
    more();
  }
  const seen = new IntersectionObserver(([entry]) => entry.isIntersecting && more(), { rootMargin: `${AHEAD_PX}px` });
  seen.observe(sentinel);
  const ticking = setInterval(() => elements.forEach((card) => card.tick()), 500);
  const renewing = setInterval(renew, RENEW_MS);
  addEventListener("online", renew, { signal });
  signal.addEventListener("abort", channel.on("found", renew));
  onReturn(renew, signal);
  signal.addEventListener("abort", () => {
    seen.disconnect();
    clearInterval(ticking);
    clearInterval(renewing);
    left = { whose: person?.unionid, cards: cards(), pages, scroll: scrollY, ...sought, unfolded: fold.open };
  });
  return "";
}

/** Say what to do about an empty square; where the stand-in plays WeChat, also how to fill it. */
function sayEmpty(foot) {
  if (foot.querySelector("a")) return; // keep the focus
  const made = document.documentElement.dataset.login === "sandbox";
  fill(
    foot,
    el("span.bare", {}, "还没有宝贝，", el("a", { href: "#/publish" }, "埋一个")),
    made ? el("span.bare", {}, "想先看看热闹，就在另一个终端里运行 ", el("code", {}, "python -m server crowd")) : null,
  );
}

/** Return the form that changes `sought` and then calls `changed`. */
function searchForm(sought, changed) {
  let typing = 0;
  const name = el("input", {
    type: "search", name: "name", maxlength: 50, value: sought.name, placeholder: "按名字的开头找", "aria-label": "按名字的开头找",
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
  const form = el("form.looking", { role: "search", onsubmit: (event) => { event.preventDefault(); read(); }, oninput: soon },
    name,
    el("div.segments", { role: "group", "aria-label": "里面是什么" }, KINDS.map(([value, label]) =>
      el("label", {}, el("input", { type: "radio", name: "kind", value, checked: value === sought.kind }), el("span", {}, label)))));
  return form;
}
