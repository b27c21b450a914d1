// What follows from a publisher's numbers, and how often what frames made old is read anew.

import assert from "node:assert/strict";
import { test } from "node:test";

import { asMoment, now } from "./shared/clock.js";
import { outcomes } from "./shared/outcomes.js";
import { dayAndClock, momentOf, packetOf, packetProblem, planOf, planWarning, planWords, prizesOf, quickWords, spacing, wholeOf, zoneWords } from "./shared/planning.js";
import { atMostEvery } from "./shared/renewing.js";
import { deadlineWords } from "./shared/words-publish.js";

test("a plan says how long it takes, and what does not fit", () => {
  const plan = { prizes: 4, forecast: 40, cd: 0, ...spacing({ prizes: 4, forecast: 40, gap: 1 }) };
  assert.equal(planWords(plan), "大约每 10 锹出一份（上下 3 锹）；一直有人挖，最快 28 锹、最慢 52 锹挖完");
  assert.match(planWords({ ...plan, cd: 60 }), /最快 27 分钟、最慢 51 分钟挖完$/);
  assert.match(planWords({ ...plan, cd: 2880 }), /，每锹之后冷却 48 分钟；/);
  assert.equal(planWarning(plan), "");
  assert.match(planWarning({ ...plan, interval: 1 }), /^对不上：4 份、每隔 1 层一份，大约 4 锹才挖完，预计却是 40 锹/);
  assert.equal(planWords({ prizes: 1, forecast: 1, cd: 0 }), "1 份奖品，就在第 1 层；一直有人挖，第一锹就挖完");
});

const CASH = { least_cd: 3, least_gap: 2, least_diggers: 10 };

test("a tempo gives each number of prizes fifteen digs a prize and its time, or says what would fit", () => {
  const lasts = { minutes: 300, evening: 10800, day: 43200 };
  for (const cash of [false, true]) for (const prizes of [1, 2, 7, 8, 13, 99, 1000]) {
    const suited = planOf({ prizes, cash, rules: CASH });
    assert.equal(suited.misfit, "");
    for (const [tempo, seconds] of Object.entries(lasts)) {
      const plan = planOf({ prizes, tempo, cash, rules: CASH });
      const { forecast, interval, fluctuation, cd } = plan;
      assert.ok(forecast >= 15 * prizes && interval >= 15 && fluctuation >= 1, `${prizes} ${tempo}`);
      assert.ok(interval - fluctuation >= 2 && cd >= (cash ? 3 : 1));
      assert.ok(prizes * (interval + fluctuation) * cd < 86400, "it ends within a day");
      assert.equal(plan.misfit === "", (prizes === 1 ? forecast : prizes * (interval + fluctuation)) * cd <= seconds * 1.5, plan.misfit);
      assert.equal(quickWords(plan), "");
      if (plan.misfit) assert.match(plan.misfit, /挖不完.*可以选“(一晚上|一整天)”，或减到 \d+ 份/);
    }
  }
  const misfit = "五分钟可能挖不完 20 份：最多要挖 400 锹，两锹至少隔 3 秒，最慢 20 分钟。可以选“一晚上”，或减到 7 份。";
  assert.equal(planOf({ prizes: 20, tempo: "minutes", cash: true, rules: CASH }).misfit, misfit);
  assert.equal(planOf({ prizes: 7, tempo: "minutes", cash: true, rules: CASH }).misfit, "");
  // Thirty things take 450 s on an average, and up to 600: its slow end counts.
  assert.match(planOf({ prizes: 30, tempo: "minutes", rules: CASH }).misfit, /^五分钟可能挖不完 30 份：.*最慢 10 分钟。可以选“一晚上”，或减到 22 份。$/);
  for (let prizes = 1; prizes <= 22; prizes += 1) assert.equal(planOf({ prizes, tempo: "minutes", rules: CASH }).misfit, "");
  assert.match(planOf({ prizes: 9, tempo: "minutes", cash: true, rules: { ...CASH, least_cd: 3600 } }).misfit, /可以选“自己定”/);
});

test("a group wins its first packet within some eight digs, whatever the tempo, which lasts no longer than it says", () => {
  const lasts = { minutes: 300, evening: 10800, day: 43200 };
  for (const [tempo, seconds] of Object.entries(lasts)) for (const prizes of [1, 2, 3, 5, 10, 30, ...(tempo === "minutes" ? [] : [37, 300])]) {
    const plan = planOf({ prizes, tempo, cash: true, group: true, rules: CASH });
    const { forecast, interval, fluctuation, cd, misfit } = plan;
    // By the law of the draw: one prize lies at each level of the forecast alike, the first of several at the interval.
    const expected = prizes === 1 ? (1 + forecast) / 2 : interval;
    assert.ok(expected <= 8, `${prizes} ${tempo}: at dig ${expected}`);
    assert.ok(prizes < 3 || interval + fluctuation <= 8, `${prizes} ${tempo}: not within eight`);
    assert.ok(forecast >= 15 && interval - fluctuation >= CASH.least_gap && cd >= CASH.least_cd && cd <= 3600);
    assert.ok(tempo === "minutes" ? cd <= 6 : forecast * cd >= seconds / 1.1, `${prizes} ${tempo}: ${cd} s between two digs`);
    const slowest = prizes === 1 ? forecast : prizes * (interval + fluctuation);
    assert.ok(slowest * cd <= seconds * 1.5, `${prizes} take ${slowest * cd} s`);
    assert.ok(prizes * (interval + fluctuation) * cd < 86400, "it ends within a day");
    assert.deepEqual([misfit, quickWords(plan)], ["", ""]);
  }
  const said = (prizes, typed) => planWords(planOf({ prizes, ...typed, cash: true, group: true, rules: CASH }));
  assert.match(said(1), /；一直有人挖，用不了五分钟：最快第一锹就挖完，最慢 2 分钟$/); // "minutes" is chosen, and what follows from it does not contradict it
  for (const [prizes, typed] of [[10, {}], [1, { tempo: "evening" }], [1, { tempo: "own" }]]) assert.doesNotMatch(said(prizes, typed), /用不了/);
  assert.equal(planOf({ prizes: 5, cash: true, group: true, rules: CASH }).tempo, "minutes");
});

test("the deadline is said apart from the tempo, and what becomes of the money then", () => {
  const days = 30;
  assert.equal(deadlineWords({ group: true, ends_at: now(), paid: true, days }), "截止：不管快慢，埋下 24 小时后就结束，剩下的钱退给你。");
  assert.equal(deadlineWords({ group: false, ends_at: undefined, paid: false, days }), "截止：不管快慢，开挖 30 天后就结束。");
  const ends_at = now() + 3600000;
  assert.equal(deadlineWords({ group: false, ends_at, paid: false, days }), `截止：不管快慢，${asMoment(ends_at)}就结束。`);
});

test("own numbers count as typed, those left out follow, and what wins at each or each second dig is asked about", () => {
  const own = (prizes, typed) => planOf({ prizes, tempo: "own", typed, cash: true, rules: CASH });
  const of = ({ forecast, interval, fluctuation, cd }) => [forecast, interval, fluctuation, cd];
  assert.deepEqual(of(own(4, { forecast_num: "40", cd: "0" })), [40, 10, 3, 0]);
  assert.deepEqual(of(own(4, { interval: "2" })), [8, 2, 0, 5]);
  assert.deepEqual(of(own(1, {})), of(planOf({ prizes: 1, cash: true, rules: CASH })));
  const asked = [[4, { interval: "1" }, "每一锹都中，几分钟就挖完了。"], [400, { interval: "2", cd: "3" }, "每两锹就中一份，40 分钟就挖完了。"],
    [1, { forecast_num: "1" }, "每一锹都中，几分钟就挖完了。"], [4, { interval: "3" }, ""], [1, { forecast_num: "3" }, ""], [0, {}, ""]];
  for (const [prizes, typed, words] of asked) assert.equal(quickWords(own(prizes, typed)), words);
});

test("a red packet for a group is of three fields, private, shared by luck, and ends after a day", () => {
  const before = Date.now();
  const { ends_at, ...packet } = packetOf({ sum: "6.6", prize_num: "8", wish: " " });
  assert.ok(ends_at >= before + 86_400_000 && ends_at <= Date.now() + 86_400_001);
  assert.deepEqual(packet, {
    goods_type: 1, prize_num: 8, prizes: [{ name: "拼手气红包", prize_num: 8, sum_fen: 660 }], name: "恭喜发财，大吉大利", is_public: 0,
  });
  assert.equal(packetOf({ sum: "1", prize_num: "2", wish: "早安" }).name, "早安");
});

test("a red packet for a group is refused in the words of its own fields", () => {
  const number = { param: "prize_num", message: "“红包个数”应为 1 到 1000 的整数" };
  for (const prize_num of ["", "0", "1001", "1.5", "x"]) assert.deepEqual(packetProblem({ sum: "5", prize_num }, 200), number);
  assert.deepEqual(packetProblem({ sum: "", prize_num: "70" }, 6), { param: "prize_num", message: "“红包个数”应为 1 到 60 的整数" });
  const sum = { param: "sum", message: "“总金额（元）”应为 0.30 到 200，最多两位小数" };
  for (const [prize_num, least] of [["", "0.10"], ["3", "0.30"]]) assert.deepEqual(packetProblem({ sum: "", prize_num }, 200), { param: "sum", message: `请填总金额，${least} 到 200 元` });
  for (const typed of ["0.29", "200.01", "1.005", "x"]) assert.deepEqual(packetProblem({ sum: typed, prize_num: "3" }, 200), sum);
  for (const typed of ["0.3", "200", "1.15", "1e1"]) assert.equal(packetProblem({ sum: typed, prize_num: "3" }, 200), null);
});

test("fields for times are Beijing's wherever the form is, and it says so elsewhere", (t) => {
  const own = process.env.TZ;
  t.after(() => { if (own === undefined) delete process.env.TZ; else process.env.TZ = own; });
  const year = new Date().getUTCFullYear();
  const moment = Date.UTC(year, 5, 5, 12, 7);
  for (const [zone, plain, chosen] of [
    ["Asia/Shanghai", "", ""],
    ["Europe/Berlin", "时间按北京时间填", "；6月5日 20:07 北京时间（你那里 14:07）"],
    ["America/New_York", "时间按北京时间填", "；6月5日 20:07 北京时间（你那里 08:07）"],
  ]) {
    process.env.TZ = zone;
    assert.deepEqual(dayAndClock(moment), { day: `${year}-06-05`, clock: "20:07" });
    assert.equal(momentOf(`${year}-06-05`, "20:07"), moment);
    assert.equal(zoneWords(undefined, 0), plain);
    assert.equal(zoneWords(moment).replaceAll(/\d+年/g, ""), plain + chosen);
  }
  for (const nothing of [["99999999999-01-01", ""], [""]]) assert.equal(momentOf(...nothing), undefined);
  assert.deepEqual(dayAndClock(0), { day: "", clock: "" });
});

test("a number with an exponent is read as the field reads it", () => {
  assert.deepEqual(["1e1", "20", "", "x", "1.9"].map(wholeOf), [10, 20, 0, 0, 1]);
});

test("kinds that were filled in become what the server takes", () => {
  const kinds = [
    { name: " 头奖 ", kind: "goods", number: "1", value: "9", url: "/files/a.jpg" },
    { name: "", kind: "each", number: "", amount: "0.1" },
    { name: "拼手气", kind: "split", number: "3", amount: "0.35" },
  ];
  assert.deepEqual(prizesOf(kinds), { goods_type: 1, prize_num: 5, prizes: [
    { name: "头奖", prize_num: 1, url: "/files/a.jpg", value: 9 },
    { name: "二等奖", prize_num: 1, money_fen: 10 },
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
