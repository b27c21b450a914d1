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
let left = { whose: null, cards: [], pages: 0, scroll: 0 };

export function square(root, signal) {
  const running = el("ul.cards", { "aria-label": "正在进行" });
  const over = el("ul.cards", { "aria-label": "已经结束" });
  const overTitle = el("h2", { hidden: true }, "已经结束");
  const foot = el("p.blank", { role: "status" });
  const sentinel = el("div.sentinel", { "aria-hidden": "true" });
  fill(root, el("h1.quiet", {}, "广场"), running, overTitle, over, sentinel, foot);
  root.classList.add("wide");

  const elements = new Map();
  let pages = 0;
  let complete = false;
  let loading = false;

  const items = () => [...running.children, ...over.children];
  const cards = () => items().map(({ dataset }) => elements.get(dataset.code).card());
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
    set(overTitle, { hidden: !over.childElementCount });
    if (complete && !elements.size) sayEmpty(foot);
    else if (complete) write(foot, "就这些了");
    else write(foot, pages === MOST_PAGES ? `这里只列出最近的 ${MOST_PAGES * PAGE} 个` : "");
  }

  async function read(page) {
    const { data, mine, won } = await get("/getTaskList", { page });
    data.forEach(observeCard);
    return data.map((card) => ({ ...card, mine: mine.includes(card.code), won: won.includes(card.code) }));
  }

  async function more() {
    if (loading || complete || pages === MOST_PAGES) return;
    loading = true;
    try {
      const data = await read(pages + 1);
      if (signal.aborted) return;
      pages += 1;
      complete = data.length < PAGE;
      show([...cards(), ...data]);
    } catch (error) {
      fill(foot, error.message, " ", el("button.link", { type: "button", onclick: () => { write(foot, ""); more(); } }, "再试一次"));
      if (!error.error) throw error;
      return;
    } finally {
      loading = false;
    }
    // If the sentinel is still in sight, its observer does not fire again.
    if (near(sentinel)) more();
  }

  async function renew() {
    if (document.hidden || loading) return;
    const inSight = Math.max(1, Math.ceil(items().filter(near).length / PAGE));
    if (inSight > RENEWED_PAGES) return;
    loading = true;
    try {
      const renewed = await Promise.all(Array.from({ length: inSight }, (_, before) => read(before + 1)));
      if (signal.aborted) return;
      pages = inSight;
      complete = renewed.at(-1).length < PAGE;
      show(renewed.flat());
    } catch (error) {
      if (!error.error) throw error; // after a refusal keep what is shown; the next try comes soon
      return;
    } finally {
      loading = false;
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
    left = { whose: person?.unionid, cards: cards(), pages, scroll: scrollY };
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
