// Telling somebody which name and which face others see, once, before they meet them in a list; for any client.

import { pictureOf } from "./faces.js";
import { sha256, utf8 } from "./hash.js";

const KEPT = 20; // people on one device

export const MEETING = { change: "改名" };

/**
 * Return what somebody reads who has no name of their own, { says, face }, the first time on this device; null later, and for
 * others. `kept` is `{ get, set }` of a note of who was told.
 */
export function meeting(kept, { unionid, named, nickName, avatarUrl }) {
  const key = sha256(utf8(unionid)).slice(0, 16); // this outlasts a logout
  const told = kept.get() || [];
  if (named !== 0 || told.includes(key)) return null;
  kept.set([key, ...told].slice(0, KEPT));
  return { says: `你现在叫 ${nickName}`, face: pictureOf({ wxheadpic: avatarUrl, wxname: nickName }) };
}
