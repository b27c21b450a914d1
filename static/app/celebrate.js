// A win, celebrated: the ground opens for the winner, coins fly, everybody else reads a line.

import { wonThumbnail } from "../miniprogram/shared/prizes.js";
import { WIN, placeWords, title, wonWords } from "../miniprogram/shared/words.js";
import { closed } from "./dialog.js";
import { avatar, el, icon, painted } from "./dom.js";
import { signalWin } from "./preferences.js";

const HANDFULS = 3;
const COINS = 8; // a handful: more take longer than a frame on a slow phone
const FALL_MS = 1800;
const SHOWN_MS = 8000;

/**
 * The person at the screen won with the dig of this reply: prepare the celebration during the stroke, and
 * return a function that begins it and resolves once all coins fly. The back button closes it. The dialog is
 * laid out unseen before it opens: opening it alone has the style of the whole page worked out anew, nearly a
 * frame's work on a slow phone.
 */
export async function celebrationOfMine(task, reply, signal) {
  let claiming = false;
  const opened = closed(
    WIN.title,
    el("div.prize", {}, el("img", { src: wonThumbnail(task), alt: "", width: 160, height: 160, decoding: "async" })),
    el("p.prize-name", {}, wonWords(task, task) || title(task)),
    el("p.hint.centred", {}, placeWords(reply)),
    el("p.hint.centred", {}, task.goods_type === 1 ? "红包已经是你的了，记得领取" : "奖品已经是你的了，记得领奖"),
    el("button.primary", { autofocus: true, onclick: () => { claiming = true; opened.close(); } }, WIN.claim),
    el("i.ground.left", { "aria-hidden": "true" }),
    el("i.ground.right", { "aria-hidden": "true" }),
  );
  opened.classList.add("won");
  if (!signal.aborted) document.body.append(opened);
  signal.addEventListener("abort", () => opened.open || opened.remove());
  await painted();
  return async () => {
    opened.showModal();
    closeOnBack(opened, () => claiming && goToClaim());
    await painted();
    if (!opened.open) return;
    await painted(); // meanwhile the page shows the claim
    signalWin();
    await coins(opened);
  };
}

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

function goToClaim() {
  const claim = document.querySelector("#claim > section");
  claim?.scrollIntoView({ block: "center" });
  claim?.focus({ preventScroll: true }); // closing gave the focus back
}

/** Somebody else won: `frame` is the channel's `prize`; `what` says which, "" if all prizes are alike. */
export function celebrate(frame, what) {
  // If many come at once, as after a lost connection, the newest is enough.
  document.querySelectorAll(".won-line, body > .coins").forEach((shown) => shown.remove());
  const line = el(
    "div.won-line",
    { role: "status" },
    avatar(frame.wxheadpic, 40),
    el("p", {}, el("b", {}, el("bdi", {}, frame.wxname)), ` 挖到了${what ? `：${what}` : "！"}`),
    el("button.close", { "aria-label": "关闭", onclick: () => line.remove() }, icon("close", 18)),
  );
  document.body.append(line);
  setTimeout(() => line.remove(), SHOWN_MS);
  coins(document.body);
}

/** Let coins fly up and fall. Only their transforms change, so that no script runs and nothing is painted anew. */
async function coins(parent) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const shower = el("div.coins", { "aria-hidden": "true" });
  parent.append(shower);
  setTimeout(() => shower.remove(), FALL_MS);
  for (let handfuls = 0; handfuls < HANDFULS; handfuls += 1) {
    fling(shower);
    await painted();
  }
}

function fling(shower) {
  const handful = Array.from({ length: COINS }, () => el("i"));
  shower.append(...handful);
  for (const coin of handful) {
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
}
