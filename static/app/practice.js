// The practice treasure, in a place on the square. Loaded once somebody is to practise.

import { PRACTICE, invitedBy, practiseDig, practised, realOne } from "../miniprogram/shared/practice.js";
import { get } from "./api.js";
import { el, fill, notice, redraw, set, write } from "./dom.js";
import { picture } from "./finds.js";

document.head.append(el("link", { rel: "stylesheet", href: new URL("practice.css", import.meta.url).href }));

const face = (src) => el("img.avatar", { src, alt: "" });

/** Go from the practice on a page to a real treasure, unless another page takes its place meanwhile. */
async function goOn(place) {
  try {
    const code = await realOne(get);
    if (!place.isConnected) return;
    location.hash = code ? `#/task/${code}` : "#/";
    if (!code) notice(PRACTICE.none);
  } catch (error) {
    notice(error.message);
    if (!error.error) throw error;
  }
}

/** Let the person practise in this place, beside `task` if it is not null; `done` is called once they have, or skip it. */
export function practise(place, done, task) {
  const ground = el("div.practice-ground", { "aria-hidden": "true" });
  const crowd = el("ul.practice-crowd", { "aria-hidden": "true" });
  const said = el("p", { role: "status" });
  const dig = el("button.primary", { onclick: press });
  const skip = el("button.link", { onclick: done }, PRACTICE.skip);
  let treasure;

  function press() {
    if (treasure.phase === "won") {
      done();
      if (!task || place.matches("[data-over]")) goOn(place);
    } else if (treasure.phase === "ready") practiseDig(treasure, show);
  }

  function show(next) {
    treasure = next;
    redraw(ground, next.depth, () => next.levels.map(({ dug, newest, find, face: digger }) =>
      el(dug ? "div.dug" : "div", { "data-newest": newest }, digger ? face(digger) : null, picture(find, dug))));
    redraw(crowd, [next.depth, next.phase], () => next.people.map(({ name, face: own, drawn }) =>
      el(drawn ? "li.drawn" : "li", {}, el("span", {}, face(own)), name)));
    crowd.dataset.phase = next.phase;
    ground.classList.toggle("won", next.phase === "won");
    write(said, next.said);
    write(dig, next.press);
    set(dig, { "aria-disabled": String(next.phase === "resting" || next.phase === "drawing") });
    set(skip, { hidden: next.phase === "won" });
  }

  show(practised(0));
  fill(place, el("h2", {}, PRACTICE.title), task && el("p.hint.invited", {}, invitedBy(task)), el("p.hint.meanwhile", { role: "status" }, PRACTICE.ended), ground, crowd, said, el("div.buttons.middle", {}, dig, skip));
}
