// The faces of people who chose no picture.

import assert from "node:assert/strict";
import { test } from "node:test";

import { faceOf, pictureOf } from "./shared/faces.js";
import { meeting } from "./shared/meeting.js";

test("each name has a face of its own, always the same, and who was erased has none", () => {
  const names = Array.from({ length: 500 }, (_, number) => `爱喝茶的土拨鼠 ${number}`);
  const faces = new Set(names.map(faceOf));
  assert.ok(faces.size > 480, `${faces.size} faces`);
  for (const face of faces) assert.match(decodeURIComponent(face), /^data:image\/svg\+xml,<svg [^<]*(<path fill="#[0-9a-f]{6}" d="[-Mhvz\d ]+"\/>){2}<\/svg>$/);
  assert.equal(faceOf("小明"), faceOf("小明"));
  assert.deepEqual(["", "已注销", undefined].map(faceOf), ["", "", ""]);
  assert.equal(pictureOf({ wxheadpic: "/files/a.jpg", wxname: "小明" }), "/files/a.jpg");
  assert.equal(pictureOf({ wxheadpic: "", wxname: "小明" }), faceOf("小明"));
});

test("who has no name of their own reads once on a device which one others see", () => {
  let kept = null;
  const told = (unionid, named = 0) => meeting({ get: () => kept, set: (value) => { kept = JSON.parse(JSON.stringify(value)); } }, { unionid, named, nickName: "爱喝茶的土拨鼠 07", avatarUrl: "" });
  assert.equal(told("named", 1), null);
  const { says, face } = told("one");
  assert.deepEqual([says, face], ["你现在叫 爱喝茶的土拨鼠 07", pictureOf({ wxname: "爱喝茶的土拨鼠 07", wxheadpic: "" })]);
  assert.deepEqual([told("one"), told("other") === null, told("one")], [null, false, null]);
  assert.ok(kept.every((each) => /^[0-9a-f]{16}$/.test(each)), "no id is kept");
});
