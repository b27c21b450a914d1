// A treasure to practise on, with two others. It is in the client alone: nothing of it is asked of the server or told to it.

import { isOwn, nextCards, readSquare, waits } from "./afterwards.js";
import { observeCard } from "./clock.js";
import { faceOf } from "./faces.js";
import { placeOf } from "./finds.js";
import { keepShown } from "./renewing.js";

export const PRACTICE = {
  title: "先练三锹", rule: "一锹挖开一层，谁挖到宝贝就归谁。", drawing: "3 人同时按下，抽签…",
  rest: "一起等冷却…", draw: "抽签中", skip: "跳过", over: "会了，去挖真的", begin: "先练三锹，看看怎么挖",
  ended: "真的那个已经挖完了；练完去挖下一个", none: "现在没有马上能挖的，过一会儿再来看看",
};

/** What stands above the practice beside a treasure: whose it is, and that it is free. */
export const invitedBy = ({ wxname }) => `练完就去挖 ${wxname} 埋的宝，免费挖`;

const SOON_SECONDS = 60; // a shorter cooldown is waited for
const REST_MS = 700; // as long as the animation of `resting` in both clients
const DRAW_MS = 400;

const CROWD = ["你", "小满", "大山"];
// What each level brings up: a find by its number, who digs it, and what is said of it.
const LEVELS = [
  { find: 1, who: "你", words: "第 1 层，挖出小玩意“玻璃弹珠”，不是奖品；真挖到的都收进图鉴。你一挖，大家一起等冷却，再一起抢。" },
  { find: 6, who: "小满", words: "第 2 层，挖出小玩意“铁皮青蛙”。这次抽中了小满，大家又一起等。" },
  { find: 24, who: "你", words: "第 3 层，挖到了！抽中了你。真的宝贝也这样到手；这次是练习，没有奖品。" },
];
const PRESS = { resting: "rest", drawing: "draw", won: "over" };

/** The practice treasure, dug to this depth: its levels, who is there, what is said, and the button. `phase` is "ready", or one of PRESS. */
export function practised(depth, phase = "ready") {
  const last = depth && phase !== "drawing" ? LEVELS[depth - 1] : null;
  return {
    depth, phase, press: phase === "ready" ? `练一锹（还剩 ${LEVELS.length - depth} 锹）` : PRACTICE[PRESS[phase]],
    said: phase === "drawing" ? PRACTICE.drawing : last ? last.words : PRACTICE.rule,
    levels: LEVELS.map(({ find, who }, at) => ({ at, dug: at < depth, newest: at === depth - 1, find, place: placeOf(find), face: at < depth ? faceOf(who) : "" })),
    people: CROWD.map((name) => ({ name, face: faceOf(name), drawn: Boolean(last && last.who === name) })),
  };
}

/** Dig once more: `show` gets what then shows, the draw and the cooldown one after the other. */
export function practiseDig({ depth }, show) {
  const dig = () => {
    const won = depth + 1 === LEVELS.length;
    show(practised(depth + 1, won ? "won" : "resting"));
    if (!won) setTimeout(() => show(practised(depth + 1)), REST_MS);
  };
  if (!depth) {
    dig(); // nobody else is there yet
    return;
  }
  show(practised(depth, "drawing"));
  setTimeout(dig, DRAW_MS);
}

/** Ask with `get` what can be dug after the practice: the code of the daily treasure, or else of the square's first; "" if there is none. */
export async function realOne(get) {
  const [dailies] = await Promise.all([get("/getDaily").catch(keepShown), readSquare(get)]);
  const known = dailies ? dailies.data : []; // without them the square does
  known.forEach(observeCard);
  const daily = known.find((card) => !card.status && !waits(card) && !isOwn(card));
  const first = daily || nextCards("").find(({ left }) => left <= SOON_SECONDS);
  return first ? first.code : "";
}
