// What an ended treasure tells: its records, what one's own digs missed by, and a card that long names do not break.

import assert from "node:assert/strict";
import { test } from "node:test";

import { lostPresses } from "./shared/afterwards.js";
import { calendarOf, dailyTop } from "./shared/daily.js";
import { drawCard, ownWords, tell } from "./shared/story.js";
import { refusedWords } from "./shared/words.js";

const TASK = { name: "贺卡", wxname: "小明", participants: 3, now_depth: 6, ranks: [], goods_type: 2, money: 0 };
const STORY = {
  first: 1, no: 2, who: [1, 2, 1, 2, 2, 3], finds: [1, 1, 2, 0, 3, 4], won: [0, 0, 1, 0, 0, 0], fen: [0, 0, 0, 0, 0, 0], thanks: [0, 0, 2, 0, 0, 0],
  people: [{ no: 1, wxname: "石头", wxheadpic: "", digs: 2 }, { no: 2, wxname: "朵朵", wxheadpic: "", digs: 3 }],
};
const RED = { ...TASK, goods_type: 1 };
const RANKED = { ...TASK, ranks: [{ name: "头奖" }] };
const PACKET = { ...STORY, won: [0, 0, 1, 0, 0, 0], fen: [0, 0, 650, 0, 0, 0] };

test("own digs say what they won, or by how many levels they missed the nearest prize", () => {
  for (const [story, task, said] of [
    [STORY, TASK, "你挖了 3 锹，离贺卡差 1 层"],
    [{ ...STORY, no: 1 }, TASK, "你挖了 2 锹，挖到了贺卡"],
    [{ ...STORY, no: 3 }, TASK, "你挖了 1 锹，离贺卡差 3 层"],
    [{ ...STORY, no: 0 }, TASK, ""],
    [{ ...STORY, won: [0, 0, 0, 0, 0, 0] }, TASK, "你挖了 3 锹"],
    [{ ...STORY, first: 101 }, TASK, "你挖了 3 锹，离贺卡差 1 层"],
    [PACKET, RED, "你挖了 3 锹，离 6.50 元的红包差 1 层"],
    [{ ...PACKET, no: 1 }, RED, "你挖了 2 锹，挖到了 6.50 元红包"],
    [{ ...PACKET, won: [0, 0, 2, 0, 0, 0] }, RANKED, "你挖了 3 锹，离 6.50 元的头奖差 1 层"],
    [{ ...PACKET, no: 1, won: [0, 0, 2, 0, 0, 0] }, RANKED, "你挖了 2 锹，挖到了头奖，6.50 元"],
    [{ ...STORY, won: [0, 0, 2, 0, 0, 0] }, RANKED, "你挖了 3 锹，离头奖差 1 层"],
  ]) assert.equal(ownWords(story, task), said);
});

test("presses that lost to a random order are told beside the digs, of each person and treasure apart", () => {
  let kept = null;
  let person = { unionid: "my-id" };
  const { noteLost, lostOf } = lostPresses({ get: () => kept, set: (value) => { kept = JSON.parse(JSON.stringify(value)); } }, () => person);
  ["A", "A", "B"].forEach(noteLost);
  assert.deepEqual(["A", "B", "C"].map(lostOf), [2, 1, 0]);
  assert.equal(ownWords(STORY, TASK, lostOf("A")), "你挖了 3 锹，离贺卡差 1 层；2 次和别人同时按下，没抽中");
  assert.equal(ownWords({ ...STORY, no: 0 }, TASK, lostOf("B")), "1 次和别人同时按下，没抽中");
  assert.ok(Object.keys(kept).every((key) => /^[AB] [0-9a-f]{16}$/.test(key)), "no id is kept");
  person = { unionid: "another" };
  assert.equal(lostOf("A"), 0);
  Array.from({ length: 30 }, (_, at) => noteLost(`T${at}`));
  assert.equal(Object.keys(kept).length, 20);
  assert.equal(lostOf("T29"), 1);
});

test("a story has its records, thanks and finds, and names whom it does not know by their place", () => {
  const told = tell(STORY, TASK);
  assert.equal(told.headline, "我们 3 人挖了 6 层");
  assert.deepEqual([told.dug, tell({ ...STORY, no: 0 }, TASK, 4).dug], [true, false]); // who only lost makes no card
  assert.deepEqual(told.records.map(({ label, name, what }) => [label, name, what]), [
    ["挖得最多", "朵朵", "3 锹"], ["没得奖里挖得最深", "第 3 位", "第 6 层"],
  ]);
  assert.equal(tell({ ...STORY, who: [1, 2, 1, 2, 1, 2] }, TASK).records[0].name, "石头 等 2 人");
  const lucky = tell({ ...STORY, won: [0, 1, 1, 0, 0, 0], fen: [0, 20, 650, 0, 0, 0] }, { ...TASK, goods_type: 1 });
  assert.deepEqual(Object.values(lucky.records[0]), ["手气最佳", "石头", "6.50 元"]); // where all won the same, nobody was luckier
  assert.equal(tell({ ...STORY, no: 0 }, TASK).headline, "3 人挖了 6 层");
  assert.deepEqual(told.thanks.map(({ sign, number }) => [sign, number]), [["fire", 1]]);
  assert.deepEqual(told.finds, [1, 2, 3, 4]);
  assert.deepEqual(told.levels.map(({ depth, own }) => [depth, own]), [[1, false], [2, true], [3, false], [4, true], [5, true], [6, false]]);
  assert.deepEqual(tell({ ...STORY, who: [], finds: [], won: [], fen: [], thanks: [], people: [] }, TASK).records, []);
});

test("a story says who gave it and who thanked, and lets a winner thank once", () => {
  const story = { ...STORY, won: [0, 1, 1, 0, 0, 0], thanks: [0, 5, 2, 0, 0, 0] };
  const told = tell(story, TASK);
  assert.deepEqual([told.giver, told.thanked], ["小明 埋的", "2 人说了谢谢"]);
  assert.deepEqual(told.thankers.map(({ depth, name, sign }) => [depth, name, sign]), [[2, "朵朵", "wow"], [3, "石头", "fire"]]);
  assert.match(told.thankers[0].face, /^data:image/);
  assert.equal(tell(story, { ...TASK, mine: 1 }).thanked, "2 人对你说了谢谢");
  assert.deepEqual([tell({ ...STORY, thanks: [0, 0, 0, 0, 0, 0] }, TASK)].map(({ thanked, thankers }) => [thanked, thankers]), [["", []]]);
  assert.deepEqual([{}, { is_prize: 1, thanks: "" }, { is_prize: 1, thanks: "fire" }].map((own) => tell(STORY, { ...TASK, ...own }).mayThank), [false, true, false]);
});

test("forty names of forty emoji do not break the card, which names only the giver and its sender", () => {
  const long = "👩‍👩‍👧‍👦".repeat(40);
  const written = [];
  const context = {
    createLinearGradient: () => ({ addColorStop() {} }), fillRect() {}, measureText: (text) => ({ width: 30 * [...new Intl.Segmenter().segment(text)].length }),
    fillText: (text) => written.push(text),
  };
  const people = Array.from({ length: 40 }, (_, at) => ({ no: at + 1, wxname: long, wxheadpic: "", digs: 1 }));
  drawCard(context, { ...TASK, name: long, wxname: long, participants: 40 }, { ...STORY, people }, { nickName: long });
  for (const text of written) {
    assert.ok(context.measureText(text).width <= 520, text);
    assert.equal(text.replaceAll("👩‍👩‍👧‍👦", "").includes("👩"), false); // none is cut in two
  }
  assert.equal(written.filter((text) => text.startsWith("👩")).length, 3); // the treasure, the giver, the sender
});

test("the card shows each level as a square, and its first line whole", () => {
  const written = [];
  const squares = [];
  const context = {
    font: "", fillStyle: "", createLinearGradient: () => ({ addColorStop() {} }), fillRect: (...box) => squares.push([context.fillStyle, ...box]),
    measureText: (text) => ({ width: text.length * Number(/(\d+)px/.exec(context.font)[1]) }), fillText: (text) => written.push(text),
  };
  drawCard(context, { ...TASK, participants: 120, now_depth: 23 }, STORY, { nickName: "朵朵" });
  assert.equal(written[0], "我们 120 人挖了 23 层");
  for (const words of ["挖到奖品", "我挖的", "别人挖的"]) assert.ok(written.includes(words)); // what the colours mean
  const levels = squares.slice(-STORY.who.length);
  assert.deepEqual(levels.map(([colour]) => colour === levels[2][0]), [false, false, true, false, false, false]); // the third one was won
  assert.equal(levels[1][0], levels[3][0]); // both are one's own
  for (const [, left, top, side, height] of levels) assert.ok(left >= 40 && left + side <= 560 && top >= 270 && top + height <= 520);
});

test("who lost to a random order is never told that they were slow", () => {
  const refused = { error: "cooling_down", message: "" };
  const made = { wxname: "石头", now_depth: 5 };
  assert.equal(refusedWords({ ...refused, reply: { pressed: 5 } }, made), "你和另外 4 人同时按下，抽中了石头");
  assert.equal(refusedWords({ ...refused, reply: { pressed: 5 } }), "你和另外 4 人同时按下，抽中了别人");
  assert.equal(refusedWords({ ...refused, reply: {} }), "慢了一步");
  assert.equal(refusedWords({ ...refused, reply: {} }, made), "慢了一步：石头 先挖了第 5 层，你的一锹才到");
});

test("on top of the square stands the daily treasure that runs, or else the next, beside the last one", () => {
  const now = Date.now();
  const card = (code, hours, status = 0) => ({ code, name: code, status, starts_at: now + hours * 3600000, now_depth: status * 9, participants: 4, ranks: [] });
  const [over, runs, next, later] = [card("甲", -24, 1), card("乙", -1), card("丙", 1), card("丁", 25)];
  for (const [cards, code, digs, ended] of [
    [[], null], [[over], undefined, false, "甲"], [[over, runs, next], "乙", true, "甲"], [[over, next, later], "丙", false, "甲"], [[next], "丙", false, undefined],
  ]) {
    const top = dailyTop(cards);
    if (code === null) assert.equal(top, null);
    else assert.deepEqual([top.card?.code, top.digs, top.over?.code], [code, digs, ended]);
  }
  assert.match(dailyTop([next, later]).says, /\d:\d\d 后开挖$/);
  assert.equal(dailyTop([over]).over.says, "上一次“甲”：4 人挖了 9 层"); // whether one dug there is not known
  assert.equal(calendarOf([]), null);
  assert.equal(calendarOf([{ day: "2026-12-02", code: "b", took_part: 1 }, { day: "2026-12-01", code: "a", took_part: 0 }]).says, "最近四周的每日一挖，你参加了 1 次");
  assert.equal(calendarOf([{ day: "2026-12-01", code: "a", took_part: 0 }]).says, "最近四周的每日一挖");
});
