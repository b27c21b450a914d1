// Cheers: six signs to press, and what everybody pressed in the last second, flying up.

import { CHEER, CHEERS } from "../miniprogram/shared/words.js";
import { el, icon, set, write } from "./dom.js";

const PAUSE_MS = 1000; // the server takes one a second from a person
const HOLD_MS = 1500;
const SHOWN_MS = 1500;
const MOST_FLYING = 5; // copies of one sign; the number beside it says how many there were

/** Return the row of signs with `show(counts)`, and `hold()`, which takes no press for a moment; `send(sign)` is called for each press. */
export function cheers(send) {
  const said = el("p.unseen", { role: "status" });
  const signs = new Map(Object.entries(CHEERS).map(([sign, words]) => [sign, one(sign, words)]));
  const element = el("div.cheers", { role: "group", "aria-label": CHEER }, el("span", { "aria-hidden": "true" }, CHEER), [...signs.values()].map(({ button }) => button), said);
  let resting = false;

  function one(sign, words) {
    const count = el("b", { "aria-hidden": "true" });
    return { count, button: el("button", { "aria-label": words, title: words, onclick: () => press(sign, words) }, icon(sign), count) };
  }

  function press(sign, words) {
    if (resting) return;
    rest(true);
    setTimeout(() => rest(false), PAUSE_MS);
    write(said, `你送出了“${words}”`);
    send(sign);
  }

  function rest(now) {
    resting = now;
    for (const { button } of signs.values()) set(button, { "aria-disabled": String(now) });
  }

  function show(counts) {
    for (const [sign, number] of Object.entries(counts)) {
      const shown = signs.get(sign);
      if (!shown) continue; // a sign that this page does not know
      write(shown.count, number);
      clearTimeout(shown.fading);
      shown.fading = setTimeout(() => write(shown.count, ""), SHOWN_MS);
      for (let flying = Math.min(number, MOST_FLYING); flying; flying -= 1) fly(shown.button, sign);
    }
  }

  function hold() {
    element.inert = true;
    setTimeout(() => { element.inert = false; }, HOLD_MS);
  }

  return { element, show, hold };
}

function fly(button, sign) {
  if (document.hidden || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const flying = el("span.flying", { "aria-hidden": "true" }, icon(sign, 22));
  button.append(flying);
  const across = (Math.random() - 0.5) * 60;
  const up = -90 - Math.random() * 70;
  flying.animate(
    [{ transform: "none", opacity: 1 }, { transform: `translate(${across}px, ${up}px) scale(1.3)`, opacity: 0 }],
    { duration: SHOWN_MS * (0.6 + Math.random() * 0.4), easing: "ease-out" },
  ).finished.finally(() => flying.remove());
}
