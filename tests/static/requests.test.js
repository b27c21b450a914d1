// Requests whose replies are lost or refused, over a transport that the test plays.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Refused, Unreachable, makeApi } from "./shared/api.js";
import { makeHalves } from "./shared/halves.js";
import { wholeProof } from "./shared/verify.js";

const OK = { httpStatus: 200, reply: { status: 0 } };
const refusal = (error, httpStatus = 200) => ({ httpStatus, reply: { status: 1, error, msg: error } });
const LOST = Symbol("no reply comes");

/** Return the interfaces over a server that gives these answers, one after the other, and the requests that it got. */
function over(...answers) {
  const asked = [];
  const send = async (request) => {
    asked.push(request);
    const answer = answers.shift();
    if (answer === LOST) throw new Unreachable();
    return answer;
  };
  const api = makeApi({ send, person: () => ({ unionid: "me", token: "mine" }), refused: async () => api.loggedIn });
  return { api, asked };
}

test("a dig whose reply is lost is sent again under its name, at once when the server is back", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] }); // so that no time passes
  const { api, asked } = over(LOST, refusal("unavailable", 503), OK);
  const dug = api.dig("AbCdEfGhIjKl");
  for (const requests of [1, 2, 3]) {
    await new Promise(setImmediate);
    assert.equal(asked.length, requests);
    api.repeatDigs();
  }
  assert.deepEqual(await dug, OK.reply);
  assert.equal(new Set(asked.map(({ body }) => body.dig_id)).size, 1);
});

test("a refused dig is not sent again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { api, asked } = over(refusal("cooling_down"));
  await assert.rejects(api.dig("AbCdEfGhIjKl"), Refused);
  assert.equal(asked.length, 1);
});

test("a read is sent once more, a write is not", async () => {
  const read = over(LOST, OK);
  assert.deepEqual(await read.api.get("/getMyInfo"), OK.reply);
  const write = over(LOST, OK);
  await assert.rejects(write.api.post("/setProfile"), Unreachable);
  assert.equal(write.asked.length, 1);
});

test("a request that wants a new login is sent once more if there is one", async () => {
  for (const loggedIn of [true, false]) {
    const { api, asked } = over(refusal("bad_token"), refusal("bad_token"));
    api.loggedIn = loggedIn;
    await assert.rejects(api.post("/remind"), { error: "bad_token" });
    assert.equal(asked.length, loggedIn ? 2 : 1);
  }
});

/** Return what publishes with halves over these answers to /postTask, and the nonces that were sent. */
function publishing(...answers) {
  const box = () => ({ value: null, get() { return this.value; }, set(value) { this.value = value; } });
  const kept = { next: box(), noted: box(), seen: box() };
  let made = 0;
  const sent = [];
  const halves = makeHalves({
    get: async () => ({ seed_hash: `hash ${made}`, sealed_seed: `seed ${made}` }),
    random: async (bytes) => new Uint8Array(bytes).fill((made += 1)),
    person: () => ({ unionid: "me" }),
    post: async (_, { nonce }) => {
      sent.push(nonce);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
    ...kept,
  });
  const publish = async (fields) => halves.publishWith(await halves.takeHalf(fields), fields);
  return { publish, halves, sent };
}

test("a publication whose reply was lost is sent again with the same half, and other fields with another", async () => {
  const { publish, halves, sent } = publishing(new Unreachable(), { code: "one" }, new Unreachable(), { code: "two" });
  await assert.rejects(publish({ name: "a cat" }));
  await publish({ name: "a cat" });
  assert.equal(sent[0], sent[1]);
  assert.equal(halves.notedHalf("one").nonce, sent[0]);
  await assert.rejects(publish({ name: "a cat" }));
  await publish({ name: "a dog" });
  assert.equal(new Set(sent).size, 3);
});

test("a half that the server refuses is replaced, a refused field keeps it", async () => {
  const refuse = (error) => new Refused({ msg: error, error }, 200);
  const { publish, sent } = publishing(refuse("bad_request"), refuse("bad_commitment"), { code: "one" });
  await assert.rejects(publish({ name: "" }));
  await assert.rejects(publish({ name: "a cat" }));
  await publish({ name: "a cat" });
  assert.equal(sent[0], sent[1]);
  assert.notEqual(sent[1], sent[2]);
});

test("a proof of many digs is read page by page, until all are there or a page has none", async () => {
  const digs = Array.from({ length: 5 }, (_, at) => ({ depth: at + 1 }));
  for (const [told, found] of [[5, 5], [9, 5]]) {
    const said = [];
    const get = async (path, { code, page = 1 }) => ({ path, code, dug: told, digs: digs.slice(2 * page - 2, 2 * page) });
    const proof = await wholeProof(get, "AbCdEfGhIjKl", (next, all) => said.push([next, all]));
    assert.deepEqual(proof.digs, digs.slice(0, found));
    assert.deepEqual(said.slice(0, 2), [[3, told], [5, told]]);
  }
});
