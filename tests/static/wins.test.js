// Who got how much of a shared red packet: what is read for it, and how it is listed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isShared } from "./shared/prizes.js";
import { noteWin, readWins, shownWins } from "./shared/wins.js";

const TASK = { prize_num: 7, prizes_left: 1, status: 0, ranks: [{ name: "拼手气红包", sum_fen: 800, prize_num: 7 }] };
const AT = Date.UTC(2026, 11, 1, 12);
const dig = (depth, fen) => ({ depth, wxname: `第 ${depth} 位`, wxheadpic: "", is_prize: fen ? 1 : 0, rank: fen ? 1 : 0, money_fen: fen, at: AT });

test("digs are read backward until all wins are known, and a frame adds its own", async () => {
  const digs = Array.from({ length: 120 }, (_, at) => dig(120 - at, at % 20 ? 0 : 100 + at));
  const asked = [];
  const read = async (before = 121) => {
    asked.push(before);
    return digs.filter(({ depth }) => depth < before).slice(0, 50);
  };
  const wins = new Map();
  await readWins(wins, { ...TASK, prizes_left: 7 }, read);
  assert.deepEqual(asked, []); // nobody won: nothing is asked
  await readWins(wins, TASK, read);
  assert.deepEqual([asked, wins.size], [[121, 71, 21], 6]);
  noteWin(wins, { depth: 121, wxname: "小王", wxheadpic: "", rank: 1, money_fen: 90 }, AT, TASK);
  const { count, rows, more } = shownWins(wins, { ...TASK, prizes_left: 0 }, false);
  assert.deepEqual([count, rows.length, more], ["7 / 7 份", 5, "全部 7 份"]);
  assert.deepEqual([rows[0].name, rows[0].what, rows[0].when], ["小王", "0.90 元", "12月1日 20:00"]);
  assert.match(rows[0].face, /^data:image\/svg/);
});

test("the luckiest is named at the end, first, and only where sums differ", () => {
  const listed = (fens, change) => {
    const wins = new Map();
    fens.forEach((fen, at) => noteWin(wins, dig(at + 1, fen), AT, TASK));
    return shownWins(wins, { ...TASK, prizes_left: 7 - fens.length, status: 1, ...change }, true).rows.map(({ what, best }) => what + best);
  };
  assert.deepEqual(listed([100, 300, 200]), ["3 元手气最佳", "2 元", "1 元"]);
  assert.deepEqual(listed([100, 300, 200], { status: 0 }), ["2 元", "3 元", "1 元"]);
  assert.deepEqual(listed([100, 100]), ["1 元", "1 元"]);
  assert.deepEqual(listed([100, 300], { prizes_left: 4 }), ["3 元", "1 元"]); // one is not known yet
});

test("only a sum that is shared by luck has such a list", () => {
  assert.deepEqual([{}, { ranks: [{ money_fen: 100 }] }, TASK].map(isShared), [false, false, true]);
});
