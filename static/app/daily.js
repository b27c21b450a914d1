// 每日一挖: on top of the square, with a countdown and a reminder, and the calendar on one's own page.

import { observeCard } from "../miniprogram/shared/clock.js";
import { DAILY, calendarOf, dailyTop } from "../miniprogram/shared/daily.js";
import { title } from "../miniprogram/shared/words.js";
import { get } from "./api.js";
import { consent } from "./consent.js";
import { el, redraw, set, write } from "./dom.js";

const TICK_MS = 500;

document.head.append(el("link", { rel: "stylesheet", href: new URL("daily.css", import.meta.url).href }));

/** Return the panel, hidden while there is nothing, with `renew()`, which reads anew. */
export function daily(signal) {
  const offer = consent(signal);
  const place = el("div.row");
  const says = el("p.countdown", { role: "timer" });
  const foot = el("div");
  const element = el("section.panel.daily.stack", { "aria-label": DAILY.title, hidden: true }, place, says, offer.element, foot);
  let cards = [];

  function show() {
    const top = dailyTop(cards);
    set(element, { hidden: !top });
    if (!top) return;
    const { card, digs, over, next } = top;
    redraw(place, [card?.code, card && title(card), card?.thumbnail, digs], () => card && [
      el("img", { src: card.thumbnail, alt: "", width: 72, height: 72, hidden: !card.thumbnail }),
      el("div", {}, el("h2", {}, DAILY.title), el("a", { href: `#/task/${card.code}` }, title(card))),
      digs ? el("a.button.primary", { href: `#/task/${card.code}` }, DAILY.dig) : null,
    ]);
    write(says, top.says);
    if (card && !digs) offer.show(card);
    set(offer.element, { hidden: digs || !card });
    redraw(foot, [over, next], () => [over ? el("p", {}, el("a", { href: `#/story/${over.code}` }, over.says)) : null, next ? el("p.hint", {}, next) : null]);
  }

  async function renew() {
    const { data } = await get("/getDaily");
    data.forEach(observeCard);
    cards = data;
    if (!signal.aborted) show();
  }

  const ticking = setInterval(show, TICK_MS);
  signal.addEventListener("abort", () => clearInterval(ticking));
  renew().catch((error) => {
    if (!error.error) throw error; // the square works without it, and asks again
  });
  return { element, renew };
}

/** Fill a place with the days that the person took part in; it stays empty before there was any. */
export async function calendar(place) {
  const { days } = await get("/getDaily", { days: 1 });
  const shown = calendarOf(days);
  if (!shown) return;
  place.append(el("section.panel.stack", { "aria-label": DAILY.title }, el("h2", {}, shown.says), el("ol.calendar", {}, shown.days.map(({ day, code, took }) =>
    el("li", {}, el(took ? "a.took" : "a", { href: `#/task/${code}`, "aria-label": `${day}${took ? "，参加了" : ""}` }, day))))));
}
