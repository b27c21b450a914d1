// The square: running treasures, then those that ended lately. It grows as you scroll and renews itself.

import { get, mayPass } from "./api.js";
import { cardElement } from "./cards.js";
import { el, fill, set, write } from "./dom.js";
import { person } from "./session.js";

const RENEW_MS = 8_000;

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

  function add(card, first) {
    const known = elements.get(card.code);
    const list = card.status ? over : running;
    if (known) {
      known.update(card);
      if (known.element.parentNode !== list) list.prepend(known.element);
      return;
    }
    const made = cardElement(card);
    elements.set(card.code, made);
    if (first) list.prepend(made.element);
    else list.append(made.element);
  }

  function show(cards, renewed = false) {
    // Read backwards, new ones can be put in front one by one.
    for (const card of renewed ? cards.toReversed() : cards) add(card, renewed);
    set(overTitle, { hidden: !over.childElementCount });
    if (complete) write(foot, elements.size ? "就这些了" : "还没有宝贝，去埋下第一个吧");
  }

  async function more() {
    if (loading || complete) return;
    loading = true;
    try {
      const { data } = await get("/getTaskList", { page: pages + 1 });
      if (signal.aborted) return;
      pages += 1;
      complete = data.length === 0;
      write(foot, "");
      show(data);
    } catch (error) {
      fill(foot, error.message, " ", el("button.link", { type: "button", onclick: () => { write(foot, ""); more(); } }, "再试一次"));
      return;
    } finally {
      loading = false;
    }
    // The sentinel may still be in sight, and then its observer says nothing more.
    if (!complete && sentinel.getBoundingClientRect().top < innerHeight + 600) more();
  }

  async function renew() {
    if (document.hidden || !pages || loading) return;
    try {
      const { data } = await get("/getTaskList", { page: 1 });
      if (!signal.aborted) show(data, true);
    } catch (error) {
      if (!mayPass(error)) throw error; // else what is shown stays, and the next try is near
    }
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
  const seen = new IntersectionObserver(([entry]) => entry.isIntersecting && more(), { rootMargin: "600px" });
  seen.observe(sentinel);
  const ticking = setInterval(() => elements.forEach((card) => card.tick()), 500);
  const renewing = setInterval(renew, RENEW_MS);
  addEventListener("online", renew, { signal });
  signal.addEventListener("abort", () => {
    seen.disconnect();
    clearInterval(ticking);
    clearInterval(renewing);
    const cards = [...running.children, ...over.children].map(({ dataset }) => elements.get(dataset.code).card());
    left = { whose: person?.unionid, cards, pages, scroll: scrollY };
  });
  return "";
}
