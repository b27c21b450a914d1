// A win of one's own, celebrated: the ground opens, and coins fly.

import { wonThumbnail } from "../miniprogram/shared/prizes.js";
import { WIN, giverWords, heroWords, placeWords } from "../miniprogram/shared/words.js";
import { closed } from "./dialog.js";
import { el, painted, set, write } from "./dom.js";
import { signalWin } from "./preferences.js";

const COINS = 24;
const HANDFUL = 8; // more begin to fly in longer than a frame on a slow phone
const FALL_MS = 1800;
const HASTE_MS = 1200; // people press again and again in a race: until then a press is still meant for the shovel

/**
 * Lay out the dialog of a win unseen, before the press that may win: on a slow phone that takes longer than a frame. Return
 * `celebrate(won, reply, found)`, for when the person at the screen won with the dig of this reply; `found` says what else it
 * brought up. It opens the dialog during the stroke, and returns `show()`, which makes it visible, and `cheer()`, which
 * sounds, lets coins fly and resolves once all of them do. The back button closes the dialog; all else does only once it is
 * settled. It opens unseen, too, because that has the style of the whole page worked out anew, most of a frame's work on a
 * slow phone. Who closes it with its button is led on by `goToClaim()`.
 */
export function preparedWin({ name, thumbnail }, signal, goToClaim) {
  let claiming = false;
  const button = el("button.primary", { onclick: () => { claiming = true; opened.close(); } }, WIN.claim);
  const picture = el("img", { src: thumbnail, alt: "", width: 128, height: 128, decoding: "async" });
  const lines = ["p.prize-name", ...Array(4).fill("p.hint.centred")].map((line) => el(line, {}, name));
  const opened = closed(
    WIN.title,
    el("div.prize", {}, picture),
    lines,
    button,
    el("i.ground.left", { "aria-hidden": "true" }),
    el("i.ground.right", { "aria-hidden": "true" }),
  );
  opened.classList.add("won");
  const barInHaste = (event) => opened.matches(".settled") || event.preventDefault();
  opened.addEventListener("cancel", barInHaste);
  // Space has no button yet that takes it: it would scroll the page.
  addEventListener("keydown", (event) => event.key === " " && opened.open && barInHaste(event), { signal });
  signal.addEventListener("abort", () => opened.remove());
  if (!signal.aborted) document.body.append(opened);

  async function celebrate(won, reply, found) {
    const kept = won.goods_type === 1 ? "红包已经是你的了，记得领取" : "奖品已经是你的了，记得领奖";
    [heroWords(won), giverWords(won), placeWords(reply), kept, found].forEach((words, at) => write(lines[at], words));
    set(picture, { src: wonThumbnail(won) });
    await painted(); // it is laid out by now
    if (!signal.aborted) opened.showModal(); // another page closes it
    await painted();
    return { show, cheer };
  }

  function show() {
    if (!opened.open) return; // closed by a second Escape, which a browser lets no page prevent
    opened.classList.add("shown");
    closeOnBack(opened, () => claiming && goToClaim());
    setTimeout(() => {
      opened.classList.add("settled");
      button.focus();
    }, HASTE_MS);
  }

  async function cheer() {
    if (!opened.open) return;
    signalWin();
    await shower(opened);
  }

  return celebrate;
}

if (history.state?.dialog) history.back(); // the page was loaded anew over a dialog: the back button has nothing to close

/** Let the browser's back button close a dialog. Once it is closed and the history is as before, call `then`. */
function closeOnBack(opened, then) {
  const back = () => opened.close();
  history.pushState({ dialog: true }, "");
  addEventListener("popstate", back);
  opened.addEventListener("close", () => {
    removeEventListener("popstate", back);
    if (!history.state?.dialog) return then();
    addEventListener("popstate", then, { once: true });
    return history.back();
  });
}

/** Let coins fly up and fall over a dialog. Only transforms and opacities change: no script runs, and nothing is painted anew. */
async function shower(over) {
  const coins = el("div.coins", { "aria-hidden": "true" });
  over.append(coins);
  setTimeout(() => coins.remove(), FALL_MS);
  for (let flung = 0; flung < COINS; flung += HANDFUL) {
    if (flung) await painted();
    const handful = Array.from({ length: HANDFUL }, () => el("i"));
    coins.append(...handful);
    handful.forEach(fling);
  }
}

function fling(coin) {
  const across = (Math.random() - 0.5) * innerWidth * 0.8;
  const up = innerHeight * (0.15 + Math.random() * 0.3);
  const turn = 360 * (1 + Math.random() * 3);
  coin.animate(
    [
      { transform: "none", opacity: 1, easing: "cubic-bezier(0.2, 0.6, 0.4, 1)" },
      { transform: `translate(${across * 0.6}px, ${-up}px) rotateY(${turn / 2}deg)`, opacity: 1, offset: 0.4, easing: "cubic-bezier(0.6, 0, 0.8, 0.4)" },
      { transform: `translate(${across}px, ${innerHeight * 0.5}px) rotateY(${turn}deg)`, opacity: 0 },
    ],
    { duration: FALL_MS * (0.7 + Math.random() * 0.3), fill: "forwards" },
  );
}
