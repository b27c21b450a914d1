// The shaft: how deep it is, the countdown, and the button that digs.

import { countDown } from "../miniprogram/shared/clock.js";
import { endsFirst } from "../miniprogram/shared/prizes.js";
import { GROUND, OVER, TOO_SOON_MS, chanceWords, deepestWords, overWords, pressOf, tooSoonWords, whyNot } from "../miniprogram/shared/words.js";
import { el, fill, icon, redraw, set, svg, write } from "./dom.js";
import { openingChoice, signal } from "./preferences.js";
import { shovel } from "./strike.js";

const STRATUM_PX = 14; // how far the earth moves up with each depth
const MOST_STRATA = 10; // moved at once: the earth reaches so far below the shaft
const STILL = matchMedia("(prefers-reduced-motion: reduce)").matches;
const SINK_MS = STILL ? 0 : 600;
const REFUSAL = STILL ? { opacity: [0.4, 1] } : { translate: ["-6px", "6px", "-4px", "0"] };
const REFUSAL_MS = 300;
const CIRCUMFERENCE = 2 * Math.PI * 54;
/**
 * Return the shaft's element with `show(task, busy)` and `say(words, picture)`, which writes into `line`. The end of a
 * cooldown replaces these words, and the next cooldown restores them. The button calls `onDig`. `strike` begins a
 * stroke as in `strike.js`; `strikeOf(who)` plays a whole stroke of somebody else, and resolves at its end. While
 * busy, the level stays as it was.
 */
export function shaft(onDig) {
  const gauge = el("i");
  const nth = el("span");
  const now = el("b");
  const layer = el("span");
  const most = el("span");
  const chance = el("p.chance");
  const strokes = shovel();
  const button = digButton(() => (ready ? onDig() : refuse()), strokes.element);
  const line = el("p.said", { role: "status" });
  const choice = openingChoice();
  const element = el(
    "section.shaft",
    { "aria-label": "挖宝" },
    el("div.gauge", { "aria-hidden": "true" }, gauge),
    el("i.warmth", { "aria-hidden": "true" }),
    el("p.level", {}, nth, now, layer, most),
    chance,
    line,
    button.element,
    choice.element,
  );
  let cooling = false;
  let stop = () => {};
  let counted = null;
  let pressed = false; // it could be dug here: no end moves the place of the button, where a thumb may be about to press
  let depth = Infinity; // the one shown
  let ready = false; // the button may be pressed
  let tooSoon = ""; // what answers a press until then
  let answer = null; // what answers one now
  let before = []; // what was said before, and is said again
  let answering = 0;

  /** Answer a press in a cooldown in its place, and then say again what was said before. */
  function refuse() {
    if (!tooSoon) return;
    button.element.animate(REFUSAL, REFUSAL_MS);
    if (line.textContent !== answer) before = [...line.childNodes];
    clearTimeout(answering);
    answering = setTimeout(() => {
      if (line.textContent === answer) fill(line, before);
      answer = null;
    }, TOO_SOON_MS);
    answer = tooSoon;
    write(line, answer);
  }

  function show(task, busy) {
    pressed ||= !task.status;
    element.toggleAttribute("data-stays", pressed);
    element.toggleAttribute("data-over", !pressed); // what came of it stands below
    line.classList.toggle("why", Boolean(task.why_note));
    set(choice.element, { hidden: Boolean(whyNot(task, 1)) });
    if (!busy) showDepth(task);
    const key = [task.status, task.why, task.review, task.cd_until, task.cd, task.mine, task.need_pay, busy, navigator.onLine].join();
    if (key === counted) return;
    counted = key;
    stop();
    stop = countDown(task.status ? 0 : endsFirst(task) ? task.expires_at : task.cd_until, (seconds) => {
      ready = button.show(task, busy, seconds);
      tooSoon = busy ? "" : tooSoonWords(task, seconds);
      choice.ask(whyNot(task, 1) ? 0 : seconds);
      if (cooling && !seconds) {
        write(line, ready ? overWords(task) : "");
        if (ready) signal();
      }
      if (seconds && OVER.includes(line.textContent)) write(line, "");
      cooling = seconds > 0;
    });
  }

  function showDepth(task) {
    write(nth, task.now_depth ? "第 " : "");
    write(now, task.now_depth || GROUND);
    write(layer, task.now_depth ? " 层" : "");
    write(most, deepestWords(task));
    write(chance, chanceWords(task));
    element.style.setProperty("--warmth", task.status || !task.one_in ? 0 : task.one_in ** -0.5);
    gauge.style.setProperty("transform", `scaleY(${task.now_depth / task.deepest})`);
    element.style.setProperty("--earth", `${-STRATUM_PX * task.now_depth}px`);
    const moved = STRATUM_PX * Math.min(MOST_STRATA, task.now_depth - depth);
    depth = task.now_depth;
    // A transition of the background would paint the shaft anew for each frame. What begins outside a frame styles the page once more.
    if (moved > 0) requestAnimationFrame(() => element.animate({ translate: [`0 ${moved}px`, "0"] }, { duration: SINK_MS, easing: "ease-out", pseudoElement: "::before" }));
  }

  function strikeOf(who) {
    if (document.hidden || strokes.isStriking()) return Promise.resolve(); // after a lost connection many come at once
    const { struck, end } = strokes.begin(who);
    return struck.then(end);
  }

  return {
    element, line, show, strikeOf, dug: choice.dug,
    strike: () => strokes.begin(null),
    say: (words, picture = null) => fill(line, picture, words ? el("span", {}, words) : null),
    close: () => stop(),
  };
}

/** Return the button's element, with `show(task, busy, seconds)`, which returns whether it may be pressed. */
function digButton(onPress, strokes) {
  const big = el("strong");
  const small = el("small");
  const circle = ring();
  const element = el("button.dig", { onclick: onPress }, circle.element, big, strokes, small);

  function show(task, busy, seconds) {
    const { kind, icon: drawn, big: time, small: words } = pressOf(task, busy, seconds, navigator.onLine);
    const ready = kind === "ready";
    set(element, { "aria-disabled": String(!ready), "aria-busy": String(busy) });
    element.dataset.kind = kind;
    circle.show(kind === "cooling" ? seconds : 0, task.cd);
    redraw(big, time || drawn, () => time || icon(drawn, 44));
    big.className = time.length > 7 ? "days" : time.length > 5 ? "longest" : time.length > 3 ? "long" : "";
    write(small, words);
    return ready;
  }

  return { element, show };
}

function ring() {
  const left = svg("circle", { cx: 60, cy: 60, r: 54, class: "left" });
  const drawn = svg("svg", { viewBox: "0 0 120 120", class: "ring", "aria-hidden": "true" }, svg("circle", { cx: 60, cy: 60, r: 54 }), left);
  left.style.setProperty("stroke-dasharray", CIRCUMFERENCE);
  let shown = 0;

  function draw(seconds, of) {
    const share = of ? Math.max(0, Math.min(1, seconds / of)) : 0;
    left.style.setProperty("stroke-dashoffset", CIRCUMFERENCE * (1 - share));
  }

  function show(seconds, of) {
    if (seconds > shown) { // a new cooldown begins where it is; from there the ring runs down to the next second
      left.classList.remove("left");
      draw(seconds, of);
      left.getBoundingClientRect();
      left.classList.add("left");
    }
    shown = seconds;
    draw(seconds - 1, of);
  }

  return { element: drawn, show };
}
