// A win, celebrated: coins for the eyes, a dialog for the winner, a line for everybody else.

import { title } from "../miniprogram/shared/words.js";
import { dialog } from "./dialog.js";
import { avatar, el, icon } from "./dom.js";

const COINS = 90;
const FALL_MS = 2600;
const SHOWN_MS = 8000;

/** The person in front of the screen won. */
export function celebrateMine(task) {
  const opened = dialog(
    "恭喜，你挖到了！",
    el("div.prize", {}, el("img", { src: task.thumbnail, alt: "", width: 160, height: 160 })),
    el("p.prize-name", {}, title(task)),
    el("p.hint.centred", {}, task.goods_type === 1 ? "红包已经是你的了，记得领取" : "奖品已经是你的了，记得领奖"),
    el("button.primary", {
      onclick: () => {
        opened.close();
        const claim = document.querySelector("#claim > section");
        claim?.scrollIntoView({ block: "center" });
        claim?.focus({ preventScroll: true }); // the dialog gave it back to where it was before
      },
    }, "去领取"),
  );
  opened.classList.add("won");
  coins(opened);
}

/** Somebody else won: `frame` is the channel's `prize`. */
export function celebrate(frame) {
  // If many come at once, as after a lost connection, the newest is enough.
  document.querySelectorAll(".won-line, body > canvas.coins").forEach((shown) => shown.remove());
  const line = el(
    "div.won-line",
    { role: "status" },
    avatar(frame.wxheadpic, 40),
    el("p", {}, el("b", {}, el("bdi", {}, frame.wxname)), " 挖到了！"),
    el("button.close", { "aria-label": "关闭", onclick: () => line.remove() }, icon("close", 18)),
  );
  document.body.append(line);
  setTimeout(() => line.remove(), SHOWN_MS);
  coins(document.body);
}

function coins(parent) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const canvas = el("canvas.coins", { width: innerWidth, height: innerHeight, "aria-hidden": "true" });
  parent.append(canvas);
  const pen = canvas.getContext("2d");
  const all = Array.from({ length: COINS }, () => ({
    x: innerWidth / 2 + (Math.random() - 0.5) * 80,
    y: innerHeight * 0.45,
    across: (Math.random() - 0.5) * innerWidth * 0.9,
    up: innerHeight * (0.5 + Math.random() * 0.7),
    radius: 5 + Math.random() * 6,
    turn: Math.random() * 6,
  }));
  const began = performance.now();
  const paint = (at) => {
    const seconds = (at - began) / 1000;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.globalAlpha = Math.min(1, Math.max(0, (FALL_MS - (at - began)) / 600));
    for (const coin of all) {
      const x = coin.x + coin.across * seconds;
      const y = coin.y - coin.up * seconds + innerHeight * 0.8 * seconds * seconds;
      const width = coin.radius * Math.abs(Math.cos(coin.turn + seconds * 7));
      pen.fillStyle = width < coin.radius / 2 ? "#c47a12" : "#f2b632";
      pen.beginPath();
      pen.ellipse(x, y, Math.max(1, width), coin.radius, 0, 0, 7);
      pen.fill();
    }
    if (at - began < FALL_MS && canvas.isConnected) requestAnimationFrame(paint);
    else canvas.remove();
  };
  requestAnimationFrame(paint);
}
