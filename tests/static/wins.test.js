// Who got how much of a shared red packet: what is read for it, and how it is listed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { hasPackets } from "./shared/prizes.js";
import { noteWin, readWins, seekBest, shownWins } from "./shared/wins.js";

const TASK = { prize_num: 7, prizes_left: 1, status: 0, ranks: [{ name: "拼手气红包", sum_fen: 800, prize_num: 7 }] };
const AT = Date.UTC(new Date(Date.now() + 8 * 3600000).getUTCFullYear(), 11, 1, 12); // of Beijing's year
const dig = (depth, fen) => ({ depth, wxname: `第 ${depth} 位`, wxheadpic: "", is_prize: fen ? 1 : 0, rank: fen ? 1 : 0, money_fen: fen, at: AT });

/** A task with `number` wins, one each ten levels, and `read(asked)` for it; `asked` collects how it was asked. */
function played(number) {
  const asked = [];
  const wins = Array.from({ length: number }, (_, at) => dig(10 * (number - at), 100));
  const read = async ({ code, won, before = Infinity }) => {
    asked.push([code, won, before]);
    return { data: wins.filter(({ depth }) => depth < before).slice(0, 50) };
  };
  return { task: { ...TASK, code: "1", prize_num: 1000, prizes_left: 1000 - number }, asked, read };
}

test("each press on a packet of 1,000 asks once, for at most 50 wins, until all are known", async () => {
  const { task, asked, read } = played(120);
  const wins = new Map();
  await readWins(wins, { ...task, prizes_left: 1000 }, read);
  assert.deepEqual(asked, []); // nobody won: nothing is asked
  const listed = (all) => [wins.size, shownWins(wins, task, all).rows.length, shownWins(wins, task, all).more];
  await readWins(wins, task, read);
  assert.deepEqual([listed(false), listed(true)], [[50, 5, "再看 50 份"], [50, 50, "再看 50 份"]]);
  await readWins(wins, task, read, true);
  assert.deepEqual(listed(true), [100, 100, "再看 20 份"]);
  await readWins(wins, task, read, true);
  assert.deepEqual(listed(true), [120, 120, ""]);
  await readWins(wins, task, read, true);
  assert.deepEqual(asked, [["1", 1, Infinity], ["1", 1, 710], ["1", 1, 210]]);
});

test("wins that came while one was away are read with those before them", async () => {
  const { task, read } = played(120);
  const wins = new Map();
  for (const depth of [10, 20]) noteWin(wins, dig(depth, 100), AT, task);
  await readWins(wins, task, read); // the newest 50 leave a gap to the two
  for (const known of [50, 100, 120]) {
    assert.deepEqual([wins.size, Math.min(...wins.keys())], [known, 10 * (121 - known)]);
    await readWins(wins, task, read, true);
  }
  wins.delete(1200);
  await readWins(wins, task, read, true);
  assert.equal(wins.has(1200), true); // nothing lies before the known, so the newest are read anew
});

test("a frame adds its win, and one's own is marked", () => {
  const wins = new Map();
  for (const depth of [1, 21, 41, 61, 81, 101]) noteWin(wins, { ...dig(depth, 100), no: depth }, AT, TASK);
  noteWin(wins, { depth: 121, no: 2, wxname: "小王", wxheadpic: "", rank: 1, money_fen: 90 }, AT, TASK);
  const { count, rows, more } = shownWins(wins, { ...TASK, prizes_left: 0, no: 2 }, false);
  assert.deepEqual(rows.map(({ own }) => own), ["我", "", "", "", ""]);
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

test("the luckiest of more winners than a page lists is sought once at the end, in its story", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sought = async (fens, first, change) => {
    const asked = [];
    const digs = fens.map((fen, at) => dig(first + at, fen));
    const get = async (path, { before }) => {
      asked.push([path, before]);
      return path === "/getStory" ? { first, fen: fens } : { data: digs.filter(({ depth }) => depth < (before ?? Infinity)).reverse().slice(0, 50) };
    };
    const task = { ...TASK, code: "1", prize_num: fens.length, prizes_left: 0, status: 1, ...change };
    const wins = new Map();
    await readWins(wins, task, (each) => get("/getDigs", each));
    const luck = { best: null };
    const shown = new Promise((resolve) => { // once what is asked for is answered
      for (let again = 0; again < 2; again += 1) seekBest(luck, task, get, resolve);
      t.mock.timers.tick(4000);
      setImmediate(resolve);
    });
    await shown;
    const { rows, more } = shownWins(wins, task, true, luck.best);
    return [rows[0].what + rows[0].best, rows.length, more, asked.slice(1)];
  };
  const fens = Array.from({ length: 60 }, (_, at) => (at === 3 ? 200 : 100));
  assert.deepEqual(await sought(fens, 1), ["2 元手气最佳", 51, "再看 9 份", [["/getStory", undefined], ["/getDigs", 5]]]);
  assert.deepEqual(await sought(fens, 1, { status: 0 }), ["1 元", 50, "再看 10 份", []]);
  assert.deepEqual(await sought(fens, 101), ["1 元", 50, "再看 10 份", [["/getStory", undefined]]]); // one above may have won more
  assert.deepEqual(await sought(fens.map(() => 100), 1), ["1 元", 50, "再看 10 份", [["/getStory", undefined]]]);
  assert.deepEqual(await sought(fens.slice(0, 50), 1), ["2 元手气最佳", 50, "", []]); // the list knows it
});

test("red packets have such a list, those of one sum too, of whom nobody is luckiest", async () => {
  assert.deepEqual([{ goods_type: 2 }, { goods_type: 1 }, { goods_type: 2, ranks: [{ goods_type: 2 }, { goods_type: 1 }] }].map(hasPackets), [false, true, true]);
  const wins = new Map();
  const task = { code: "1", goods_type: 1, money: 2, ranks: [], prize_num: 60, prizes_left: 0, status: 1 };
  for (let depth = 1; depth <= 60; depth += 1) noteWin(wins, { ...dig(depth, 0), is_prize: 1 }, AT, task);
  const [row] = shownWins(wins, task, false).rows;
  assert.deepEqual([row.what, row.best], ["2 元", ""]);
  const luck = { best: null };
  seekBest(luck, task, null, null);
  assert.equal(luck.sought, undefined);
});
