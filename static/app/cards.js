// Cards: a task as lists show it, with a countdown that runs.

import { headingOf, lastingOf, leftWords, packetMark, stateOf } from "../miniprogram/shared/cards.js";
import { secondsUntil } from "../miniprogram/shared/clock.js";
import { wonThumbnail } from "../miniprogram/shared/prizes.js";
import { SQUARE, depthWords, whereWords } from "../miniprogram/shared/words.js";
import { avatar, el, fill, icon, set, write } from "./dom.js";

// The browser's own lazy loading is not used: it fetches pictures two screens ahead, which is most of the
// cost of a first view.
const inSight = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    inSight.unobserve(target);
    target.src = target.dataset.src;
  }
}, { rootMargin: "150px" });

function showState(element, { kind, text }) {
  element.dataset.kind = kind;
  write(element, text);
}

/**
 * Return a card's element, with `update(card)` to show the task as it is now and `tick()` to count down.
 * A card is the server's, with `mine` or `won` if this person published or won it.
 * `foot(card)` may add an element at the card's foot.
 */
function cardElement(card, foot = () => null) {
  const picture = el("img", { alt: "", width: 300, height: 225, decoding: "async" });
  const state = el("span.state");
  const chip = el("span.chip", { hidden: true }, SQUARE.featured);
  const packet = el("p.packet");
  const name = el("h2");
  const publisher = el("p.publisher");
  const bar = depthBar();
  const prizes = el("span.prizes");
  const lasting = el("span.lasting");
  const where = el("p.where");
  const added = el("div.foot");
  const link = el(
    "a.card",
    { href: `#/task/${card.code}` },
    el("div.frame", {}, picture, state, chip),
    el("div.body", {}, packet, name, bar.element, el("p.tags", {}, prizes, lasting), where),
  );
  const element = el("li", { "data-code": card.code }, el("div.carded", {}, link, publisher), added);

  let shown = {};
  const tick = () => {
    const left = shown.status ? 0 : secondsUntil(shown.cd_until);
    showState(state, stateOf(shown, left));
    write(lasting, lastingOf(shown));
  };
  const update = (now) => {
    if (shown.thumbnail !== now.thumbnail) {
      picture.dataset.src = wonThumbnail(now);
      set(picture, { hidden: !now.thumbnail });
      if (now.thumbnail) inSight.observe(picture);
    }
    if (shown.wxname !== now.wxname || shown.wxheadpic !== now.wxheadpic) fill(publisher, publishedBy(now, 22));
    shown = now;
    set(publisher, { hidden: now.mine && !now.signed });
    write(packet, packetMark(now));
    set(packet, { hidden: !packetMark(now) });
    write(name, headingOf(now));
    bar.update(now.now_depth / now.deepest, depthWords(now));
    set(bar.element, { hidden: Boolean(now.prize_state) });
    set(chip, { hidden: !now.featured });
    set(prizes, { hidden: !leftWords(now) });
    fill(prizes, icon("trophy", 16), leftWords(now));
    write(where, whereWords(now));
    set(where, { hidden: !whereWords(now) });
    link.classList.toggle("over", (now.away || now.status === 1) && !now.prize_state);
    const wanted = foot(now);
    fill(added, wanted);
    added.hidden = !wanted;
    tick();
  };
  update(card);
  return { element, update, tick, card: () => shown };
}

/**
 * Return the elements of cards, kept by code: `show(cards)` returns those of these cards in order, and drops all
 * others.
 */
export function cardSet(foot) {
  const shown = new Map();
  return {
    show(wanted) {
      const known = new Map(shown);
      shown.clear();
      for (const card of wanted) {
        const made = known.get(card.code) ?? shown.get(card.code) ?? cardElement(card, foot);
        made.update(card);
        shown.set(card.code, made);
      }
      return [...shown.values()].map(({ element }) => element);
    },
    all: () => [...shown.values()].map((made) => made.card()),
    tick: () => shown.forEach((made) => made.tick()),
  };
}

/** Return who published a task, with a link to their page. A signature may be anybody's name: it is marked, and has no picture beside it. */
export function publishedBy({ wxname, wxheadpic, signed, publisher_id }, size) {
  const who = [signed ? el("span.signed", {}, "署名") : avatar({ wxheadpic, wxname }, size), el("span.name", {}, wxname)];
  return publisher_id ? el("a.by", { href: `#/by/${publisher_id}` }, who) : who;
}

/** Return the synopsis: the first lines, since the button below it should be in sight, and a button for the rest. */
export function synopsis(task) {
  if (!task.synopsis) return null;
  const text = el("p.synopsis.cut", {}, task.synopsis);
  const more = el("button.link", { hidden: true, onclick: () => {
    text.classList.remove("cut");
    more.remove();
  } }, "简介全文");
  new ResizeObserver(() => set(more, { hidden: text.scrollHeight <= text.clientHeight })).observe(text);
  return el("div", {}, text, more);
}

/** Return a bar that shows how deep a task is dug, as a share and in words. */
function depthBar() {
  const filled = el("i");
  const text = el("span");
  return {
    element: el("div.depth", {}, el("div.bar", { "aria-hidden": "true" }, filled), text),
    update(share, words) {
      filled.style.setProperty("inline-size", `${100 * share}%`);
      write(text, words);
    },
  };
}
