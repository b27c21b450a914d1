// The channel over sockets that the test plays: what is lost, refused and told twice.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Channel } from "./shared/channel.js";

const CODE = "AbCdEfGhIjKl";
const LONG_MS = 60000;

/** Return a channel that watches CODE, its sockets, the frames that it delivered and the events that it told. */
function watching() {
  const sockets = [];
  const delivered = [];
  const told = [];
  const openSocket = (server) => {
    const socket = { server, sent: [], closed: false };
    socket.send = (text) => socket.sent.push(JSON.parse(text));
    socket.close = () => (socket.closed = true);
    sockets.push(socket);
    return socket;
  };
  const channel = new Channel({ openSocket, inSight: () => true, observe() {} });
  for (const what of ["lost", "found", "refused", "over"]) channel.on(what, () => told.push(what));
  channel.subscribe(CODE, 0, (frame) => delivered.push(frame));
  channel.connect();
  return { channel, sockets, delivered, told };
}

const say = (socket, ...frames) => frames.forEach((frame) => socket.server.said(JSON.stringify({ code: CODE, ...frame })));
const types = (frames) => frames.map(({ type, seq }) => `${type} ${seq}`);
const since = (socket) => socket.sent.filter(({ action }) => action === "subscribe").map((message) => message.since);

function opened(socket, ...frames) {
  socket.server.opened();
  say(socket, ...frames);
}

test("a dig that is cut in two is complete after the reconnect", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { sockets, delivered, told } = watching();
  opened(sockets[0], { type: "snapshot", seq: 0 }, { type: "cd", seq: 1 });
  sockets[0].server.closed(1011);
  t.mock.timers.tick(LONG_MS);
  opened(sockets[1], { type: "cd", seq: 1 }, { type: "join", seq: 1 }, { type: "join", seq: 1 });
  assert.deepEqual(since(sockets[1]), [0]);
  assert.deepEqual(types(delivered), ["snapshot 0", "cd 1", "join 1"]);
  assert.deepEqual(told, ["lost", "found"]);
});

test("a process that was told less is asked again, and its snapshot is not taken", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { sockets, delivered } = watching();
  opened(sockets[0], { type: "snapshot", seq: 0 }, { type: "cd", seq: 1 });
  sockets[0].server.closed(1011);
  t.mock.timers.tick(LONG_MS);
  opened(sockets[1], { type: "snapshot", seq: 0 });
  assert.deepEqual(types(delivered), ["snapshot 0", "cd 1"]);
  assert.deepEqual(since(sockets[1]), [0, 1]);
  say(sockets[1], { type: "snapshot", seq: 1 });
  assert.equal(delivered.at(-1).leapt, true, "frames of the dig may be missing");
});

test("a subscription is asked for again if a store was down", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { sockets } = watching();
  opened(sockets[0], { type: "error", error: "unavailable" });
  assert.deepEqual(since(sockets[0]), [0]);
  t.mock.timers.tick(4000);
  assert.deepEqual(since(sockets[0]), [0, 0]);
});

test("a gap between digs is asked for, and no dig is delivered out of order", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { sockets, delivered } = watching();
  opened(sockets[0], { type: "snapshot", seq: 0 }, { type: "cd", seq: 2 }, { type: "join", seq: 2 });
  assert.deepEqual(since(sockets[0]), [0, 0]);
  assert.deepEqual(types(delivered), ["snapshot 0"]);
});

for (const [code, event] of [[4001, "refused"], [4004, "over"], [4009, "over"], [4010, "over"]]) {
  test(`after the final close code ${code} nothing reconnects`, (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { channel, sockets, told } = watching();
    opened(sockets[0], { type: "pong" });
    sockets[0].server.closed(code);
    channel.retry();
    t.mock.timers.tick(LONG_MS);
    assert.equal(sockets.length, 1);
    assert.deepEqual(told, ["lost", event]);
  });
}

test("an error before a close does not count as a connection", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { channel, sockets, told } = watching();
  for (const turn of [0, 1]) {
    opened(sockets[turn], { type: "error", error: "unavailable", code: "" });
    assert.equal(channel.isOpen(), false);
    sockets[turn].server.closed(1011);
    t.mock.timers.tick(LONG_MS);
  }
  opened(sockets[2], { type: "pong" });
  assert.deepEqual(told, ["lost", "lost", "found"]);
});

test("too many new sockets come back no sooner than they were told", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { sockets } = watching();
  opened(sockets[0], { type: "error", error: "too_many", code: "", retry_after: 30 });
  sockets[0].server.closed(4029);
  t.mock.timers.tick(29999);
  assert.equal(sockets.length, 1);
  t.mock.timers.tick(5001);
  assert.equal(sockets.length, 2);
});

test("a socket that was given up says nothing more", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { channel, sockets, delivered } = watching();
  opened(sockets[0], { type: "snapshot", seq: 0 });
  channel.cut();
  assert.equal(sockets[0].closed, true);
  say(sockets[0], { type: "cd", seq: 1 });
  assert.deepEqual(types(delivered), ["snapshot 0"]);
});
