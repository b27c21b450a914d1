// The practice treasure, in a place on the square. Loaded once somebody is to practise.

import { PRACTICE, REST_MS, practised } from "../miniprogram/shared/practice.js";
import { el, fill, set, write } from "./dom.js";
import { picture } from "./finds.js";

document.head.append(el("link", { rel: "stylesheet", href: new URL("practice.css", import.meta.url).href }));

/** Let the person practise in this place; `done` is called once they have, or skip it. */
export function practise(place, done) {
  const ground = el("div.practice-ground", { "aria-hidden": "true" });
  const said = el("p", { role: "status" });
  const dig = el("button.primary", { onclick: () => (treasure.won ? done() : strike()) });
  const skip = el("button.link", { onclick: done }, PRACTICE.skip);
  let treasure = practised(0);

  function strike() {
    show(practised(treasure.depth + 1));
    if (treasure.won) return;
    dig.disabled = true;
    write(dig, PRACTICE.resting);
    setTimeout(() => {
      dig.disabled = false;
      write(dig, PRACTICE.dig);
      if (place.contains(document.activeElement) || document.activeElement === document.body) dig.focus({ preventScroll: true });
    }, REST_MS);
  }

  function show(next) {
    treasure = next;
    fill(ground, treasure.levels.map(({ dug, find }) => el(dug ? "div.dug" : "div", {}, picture(find, dug))));
    ground.classList.toggle("won", treasure.won);
    write(said, treasure.said);
    write(dig, treasure.won ? PRACTICE.over : PRACTICE.dig);
    set(skip, { hidden: treasure.won });
  }

  show(treasure);
  fill(place, el("h2", {}, PRACTICE.title), ground, said, el("div.buttons.middle", {}, dig, skip));
}
