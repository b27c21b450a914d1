// A notice of the name and the face that others see. Loaded for who has no name of their own.

import { MEETING, meeting } from "../miniprogram/shared/meeting.js";
import { onceLoaded } from "./dialog.js";
import { avatar, el, notice } from "./dom.js";
import { person, stored } from "./session.js";

const SHOWN_MS = 10_000; // there is something to press

export function meet() {
  const met = meeting(stored("localStorage", "wabao.met"), person);
  if (!met) return;
  const change = onceLoaded(() => import("./profile.js"), ({ editProfile }) => person && editProfile(new AbortController().signal, () => {})); // the page shows a new name by itself
  notice([avatar({ wxheadpic: met.face, wxname: person.nickName }, 28), el("span", {}, met.says), el("button.link", { onclick: change }, MEETING.change)], SHOWN_MS);
}
