// A stroke of the shovel: the blade comes down and earth breaks, for as long as a dig is under way. Only transforms and
// opacities change, so the browser moves it without a script, and without painting anything anew.

import { avatar, el, fill, icon, painted } from "./dom.js";

const STROKE_MS = 300;
const LEAST_MS = 2 * STROKE_MS;
const CLODS = 12;
const BLADE = [
  { transform: "translateY(-22px) rotate(-10deg)", easing: "cubic-bezier(0.5, 0, 1, 0.6)" },
  { transform: "translateY(16px) rotate(6deg)", offset: 0.4, easing: "ease-out" },
  { transform: "translateY(-22px) rotate(-10deg)" },
];
const FADE = [{ opacity: 0 }, { opacity: 1 }];

/**
 * Return the `element` that covers the button during a stroke, and `begin(face)`, which strikes in the next frame: the
 * task of a press, which also sends the dig, has no more work before that frame. Earth moves a frame later. `face` is the
 * digger's picture, null for your own dig. It returns `{ struck, end }`: a promise that resolves after the least time,
 * and a function that ends the stroke, unless another has begun.
 */
export function shovel() {
  const blade = el("span.blade", {}, icon("shovel", 64));
  const face = el("span.digger");
  const clods = Array.from({ length: CLODS }, () => el("i.clod"));
  const element = el("span.strike", { hidden: true, "aria-hidden": "true" }, clods, blade, face);
  const moves = matchMedia("(prefers-reduced-motion: reduce)").matches
    ? [element.animate(FADE, STROKE_MS)]
    : [blade.animate(BLADE, { duration: STROKE_MS, iterations: Infinity }), ...clods.map(fly)];
  const [first, ...later] = moves;
  let stroke = null; // the one under way
  stop(); // the moves are made here, since making them takes longer than a frame has left for it

  function begin(who) {
    const mine = {};
    stroke = mine;
    requestAnimationFrame(() => stroke === mine && start(who));
    painted().then(() => stroke === mine && later.forEach((move) => move.play())); // earth breaks once the blade is down
    const struck = new Promise((resolve) => setTimeout(resolve, LEAST_MS));
    const end = () => {
      if (stroke !== mine) return;
      stroke = null;
      element.hidden = true;
      stop();
    };
    return { struck, end };
  }

  function start(who) {
    fill(face, who && avatar(who, 44));
    element.hidden = false;
    first.play();
  }

  function stop() {
    moves.forEach((move) => move.cancel());
  }

  return { element, begin, isStriking: () => stroke !== null };
}

/** Let a clod fly out of the hole, in a direction of its own, each time the blade comes down. */
function fly(clod, number) {
  const across = (number / (CLODS - 1) - 0.5) * 190 + (Math.random() - 0.5) * 24;
  const up = -50 - Math.random() * 50 - Math.abs(across) * -0.2;
  const turn = Math.round((Math.random() - 0.5) * 500);
  return clod.animate(
    [
      { transform: "translate(0, 24px) scale(0.4)", opacity: 0 },
      { transform: "translate(0, 24px) scale(1)", opacity: 1, offset: 0.38, easing: "ease-out" },
      { transform: `translate(${across * 0.7}px, ${up}px) rotate(${turn / 2}deg)`, opacity: 1, offset: 0.75, easing: "ease-in" },
      { transform: `translate(${across}px, ${up + 46}px) rotate(${turn}deg)`, opacity: 0 },
    ],
    { duration: STROKE_MS, iterations: Infinity },
  );
}
