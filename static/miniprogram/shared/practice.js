// A treasure to practise on. It is in the client alone: nothing of it is asked of the server or told to it.

import { placeOf } from "./finds.js";

export const PRACTICE = {
  title: "先练三锹", rule: "一锹挖开一层，谁挖到宝贝就归谁；挖完一锹，要等冷却结束才能再挖。",
  dig: "练一锹", resting: "1 秒后再练", skip: "跳过", over: "会了，去挖真的", begin: "先练三锹，看看怎么挖",
};
export const REST_MS = 1000;

// What each level brings up: a find by its number, and what is said of it.
const LEVELS = [
  { find: 1, words: "第 1 层，挖出了玻璃弹珠。真挖的时候，它会收进你的图鉴。" },
  { find: 6, words: "第 2 层，挖出了铁皮青蛙。宝贝还在下面。" },
  { find: 24, words: "第 3 层，挖到了！真的宝贝也是这样到手的。这次是练习，没有奖品。" },
];

/** The practice treasure, dug to this depth: its levels, what the last dig brought up, and whether it won. */
export const practised = (depth) => ({
  depth, said: depth ? LEVELS[depth - 1].words : PRACTICE.rule, won: depth === LEVELS.length,
  levels: LEVELS.map(({ find }, at) => ({ at, dug: at < depth, find, place: placeOf(find) })),
});
