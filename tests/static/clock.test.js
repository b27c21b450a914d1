// A countdown goes by the server's time, however wrong the clock of this client is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { countDown, observeCard } from "./shared/clock.js";

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
