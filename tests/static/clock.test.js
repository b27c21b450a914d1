// A countdown goes by the server's time, however wrong the clock of this client is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { asMoment, countDown, now, observeCard } from "./shared/clock.js";

const BEIJING_MS = 8 * 3600000;
const thisYear = () => new Date(now() + BEIJING_MS).getUTCFullYear();

test("a countdown goes by what the server said, down to 0, and stops when it is told to", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let ticked = 0;
  t.mock.method(performance, "now", () => ticked);
  const pass = (milliseconds) => {
    ticked += milliseconds;
    t.mock.timers.tick(milliseconds);
  };
  const until = Date.now() + 3600000; // this client's clock is an hour slow
  observeCard({ is_cd: 1, cd_until: until, time: 3 });
  const seconds = [];
  const others = [];
  countDown(until, (left) => seconds.push(left));
  const stop = countDown(until, (left) => others.push(left));
  stop();
  for (let passed = 0; passed < 40; passed += 1) pass(100);
  assert.deepEqual([...new Set(seconds)], [3, 2, 1, 0]);
  assert.equal(seconds.at(-1), 0);
  assert.deepEqual(others, [3]);
});

test("a moment has its year unless that is this one", () => {
  const year = thisYear();
  const [first, next] = [year, year + 1].map((each) => Date.UTC(each, 0, 1) - BEIJING_MS);
  assert.equal(asMoment(first), "1月1日 00:00");
  assert.equal(asMoment(next - 60000), "12月31日 23:59");
  assert.equal(asMoment(next), `${year + 1}年1月1日 00:00`);
  assert.equal(asMoment(first - 60000), `${year - 1}年12月31日 23:59`);
});

test("a moment is said in Beijing's time, and also in one's own where that differs", (t) => {
  const own = process.env.TZ;
  t.after(() => { if (own === undefined) delete process.env.TZ; else process.env.TZ = own; });
  const year = thisYear();
  const evening = Date.UTC(year, 5, 5, 12);
  const far = Date.UTC(year + 2, 11, 31, 17, 30);
  for (const [zone, near, later] of [
    ["Asia/Shanghai", "", ""],
    ["Asia/Taipei", "", ""],
    ["Europe/Berlin", " 北京时间（你那里 14:00）", ` 北京时间（你那里 ${year + 2}年12月31日 18:30）`],
    ["America/New_York", " 北京时间（你那里 08:00）", ` 北京时间（你那里 ${year + 2}年12月31日 12:30）`],
  ]) {
    process.env.TZ = zone;
    assert.equal(asMoment(evening), `6月5日 20:00${near}`);
    assert.equal(asMoment(far), `${year + 3}年1月1日 01:30${later}`);
  }
});
