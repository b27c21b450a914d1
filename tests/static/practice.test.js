// The practice treasure shows a cooldown and a draw, but nobody waits long for either, and what comes after it can be dug.

import assert from "node:assert/strict";
import { test } from "node:test";

import { practiseDig, practised, realOne } from "./shared/practice.js";

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

test("after the practice one digs the daily treasure, or the first on the square that can be dug within a minute", async () => {
  const now = Date.now();
  const card = (code, seconds = 0, more = {}) => ({ code, name: "猫", status: 0, starts_at: 0, cd_until: now + 1000 * seconds, ...more });
  const away = card("later", 0, { starts_at: now + 3_600_000 });
  for (const [dailies, square, code] of [
    [[card("daily")], [card("first")], "daily"],
    [[card("daily", 30)], [card("first")], "first"],
    [[card("own")], [card("own"), card("first")], "first"],
    [[card("won")], [card("won")], ""],
    [null, [card("first")], "first"],
    [[card("daily", 0, { status: 1 }), away], [card("long", 600), card("short", 30), away], "short"],
    [[], [card("long", 600), card("ended", 0, { status: 1 }), card("own"), card("won"), card("open"), card("older")], "open"],
    [[away], [card("long", 600), away], ""],
    [[], [], ""],
  ]) {
    const replies = { "/getDaily": dailies && { data: dailies }, "/getTaskList": { data: square, mine: ["own"], won: ["won"], featured: [] } };
    const get = async (path) => replies[path] ?? Promise.reject(Object.assign(new Error("暂时没有响应"), { error: "unavailable" }));
    assert.equal(await realOne(get), code);
  }
});
