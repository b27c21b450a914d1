// What follows from a publisher's numbers, and how often what frames made old is read anew.

import assert from "node:assert/strict";
import { test } from "node:test";

import { outcomes } from "./shared/outcomes.js";
import { planWarning, planWords, prizesOf, spacing, wholeOf } from "./shared/planning.js";
import { atMostEvery } from "./shared/renewing.js";

test("a plan says how long it takes, and what does not fit", () => {
  const plan = { prizes: 4, forecast: 40, cd: 0, ...spacing({ prizes: 4, forecast: 40, gap: 1 }) };
  assert.equal(planWords(plan), "大约每 10 锹出一份；一直有人挖，最快 28 锹、最慢 52 锹结束");
  assert.match(planWords({ ...plan, cd: 60 }), /最快 27 分钟、最慢 51 分钟结束$/);
  assert.equal(planWarning(plan), "");
  assert.match(planWarning({ ...plan, interval: 1 }), /^对不上：4 份、每隔 1 层一份，大约 4 锹才挖完，预计却是 40 锹/);
  assert.equal(planWords({ prizes: 1, forecast: 1, cd: 0 }), "1 份奖品，就在第 1 层；一直有人挖，第一锹就结束");
});

test("a number with an exponent is read as the field reads it", () => {
  assert.deepEqual(["1e1", "20", "", "x", "1.9"].map(wholeOf), [10, 20, 0, 0, 1]);
});

test("kinds that were filled in become what the server takes", () => {
  const kinds = [
    { name: " 头奖 ", kind: "goods", number: "1", value: "9", url: "/files/a.jpg" },
    { name: "红包", kind: "each", number: "2", amount: "0.1" },
    { name: "拼手气", kind: "split", number: "3", amount: "0.35" },
  ];
  assert.deepEqual(prizesOf(kinds), { goods_type: 1, prize_num: 6, prizes: [
    { name: "头奖", prize_num: 1, url: "/files/a.jpg", value: 9 },
    { name: "红包", prize_num: 2, money_fen: 10 },
    { name: "拼手气", prize_num: 3, sum_fen: 35 },
  ] });
});

test("a list is read once at a time, however many claim, and once more at the end", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const signal = { aborted: false };
  let reads = 0;
  let shown = true;
  const again = atMostEvery(1000, async () => { reads += 1; }, () => shown, signal);
  for (let claims = 0; claims < 5; claims += 1) again();
  assert.equal(reads, 1);
  t.mock.timers.tick(1000);
  assert.equal(reads, 2);
  t.mock.timers.tick(1000);
  assert.equal(reads, 2);
  shown = false;
  again();
  assert.equal(reads, 2);
  shown = true;
  again();
  again();
  signal.aborted = true;
  t.mock.timers.tick(1000);
  assert.equal(reads, 3);
});

test("what a dig brings up waits for the end of its stroke, in order", async () => {
  const taken = [];
  const { receive, until } = outcomes((frame) => taken.push(frame.type), { aborted: false });
  let end;
  const over = until(new Promise((resolve) => { end = resolve; }), true);
  for (const type of ["tick", "cd", "join", "prize"]) receive({ type });
  assert.deepEqual(taken, ["tick"]);
  end();
  await over;
  assert.deepEqual(taken, ["tick", "cd", "join", "prize"]);
});
