// The faces of people who chose no picture.

import assert from "node:assert/strict";
import { test } from "node:test";

import { faceOf, pictureOf } from "./shared/faces.js";

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
