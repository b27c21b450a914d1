// The practice of a first visit: once, on the square, or beside the treasure that a link opened.

import { NEWCOMER } from "../miniprogram/shared/words.js";
import { needed } from "./api.js";
import { el, set } from "./dom.js";
import { keep, recall } from "./session.js";

const PRACTISED = "wabao.practised"; // whether somebody practised here, or skipped it

export const isNew = () => !recall("localStorage", PRACTISED);

/** Return the place to practise in, hidden; `begin()` lets the person practise, here and without the server. `task` is the treasure beside it. */
export function practice(task = null) {
  const element = el("section.panel.stack.centred.practice", { hidden: true });
  const done = () => {
    keep("localStorage", PRACTISED, 1);
    set(element, { hidden: true });
  };
  const over = () => {
    done();
    scrollTo(0, 0); // to what can now be dug
  };
  function begin() {
    set(element, { hidden: false }); // before its module is there, so that nothing moves
    element.scrollIntoView({ block: "nearest" });
    needed(() => import("./practice.js")).then(({ practise }) => practise(element, over, task), () => set(element, { hidden: true }));
  }
  return { element, begin, done };
}

/** Return an element that offers the practice in a line, with `show(needed, over)`, and `done()` for who needs none any more. */
export function offered(task) {
  const { element: place, begin, done } = practice(task);
  const leave = () => {
    line.hidden = true;
    done();
  };
  const line = el("p.newcomer", { hidden: !isNew() }, el("span.hint", {}, NEWCOMER.ask),
    el("button.link", { onclick: () => { line.hidden = true; begin(); } }, NEWCOMER.begin), el("button.link", { onclick: leave }, NEWCOMER.skip));
  /** A practice that was begun stays: `over` is whether the treasure itself can be dug no more. */
  const show = (needed, over) => {
    set(line, { hidden: !needed || !place.hidden || !isNew() });
    set(place, { "data-over": over });
  };
  return { element: el("div.offered", {}, line, place), show, done: leave };
}
