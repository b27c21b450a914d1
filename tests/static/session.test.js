// What the web page remembers where the browser blocks storage.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

for (const storage of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(globalThis, storage, { get() { throw new DOMException("blocked", "SecurityError"); } });
}

test("a browser that blocks storage remembers while the page is open", async () => {
  const session = await import("./app/session.js");
  assert.equal(session.person, null);
  assert.equal(session.recall("localStorage", "wabao.preferences"), null);
  session.remember({ unionid: "me" });
  session.keep("localStorage", "wabao.preferences", { win: false });
  assert.deepEqual([session.person, session.recall("sessionStorage", "wabao.person")], [{ unionid: "me" }, { unionid: "me" }]);
  assert.deepEqual(session.recall("localStorage", "wabao.preferences"), { win: false });
});

test("no other module of the page asks the browser for its storage", () => {
  for (const file of readdirSync("app").filter((name) => name.endsWith(".js") && name !== "session.js")) {
    assert.doesNotMatch(readFileSync(`app/${file}`, "utf8"), /(local|session)Storage(?!")/, file);
  }
});
