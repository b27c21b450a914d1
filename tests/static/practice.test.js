// The practice treasure shows a cooldown and a draw, but nobody waits long for either.

import assert from "node:assert/strict";
import { test } from "node:test";

import { practiseDig, practised } from "./shared/practice.js";

const STEP_MS = 50;

test("a practice shows each cooldown for over half a second, and waits for two seconds in all", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let treasure = practised(0);
  const spent = { resting: 0, drawing: 0 };
  while (treasure.phase !== "won") {
    if (treasure.phase === "ready") practiseDig(treasure, (next) => { treasure = next; });
    else {
      spent[treasure.phase] += STEP_MS;
      t.mock.timers.tick(STEP_MS);
    }
  }
  assert.ok(spent.resting >= 2 * 600 && spent.drawing >= 2 * 300, JSON.stringify(spent));
  assert.ok(spent.resting + spent.drawing <= 2400, JSON.stringify(spent));
});
