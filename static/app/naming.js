// Asking for a name where others will see it: WeChat hands out none since 2022.

import { onceLoaded } from "./dialog.js";
import { el, set } from "./dom.js";
import { NAMING } from "../miniprogram/shared/words-later.js";
import { onChange, person } from "./session.js";

/**
 * Return a panel that asks the person for a name and says `why`. It vanishes once they have one; `saved` as in
 * `editProfile`.
 */
export function askName(signal, why, saved) {
  const isNamed = () => person.named !== 0;
  const edit = onceLoaded(() => import("./profile.js"), ({ editProfile }) => signal.aborted || editProfile(signal, saved));
  const panel = el("section.panel.stack.unnamed", { hidden: isNamed() },
    el("p", {}, NAMING.seen, el("bdi", {}, person.nickName)),
    el("p.hint", {}, why),
    el("div", {}, el("button.primary", { onclick: edit }, NAMING.ask)));
  onChange(() => person && set(panel, { hidden: isNamed() }), signal);
  return panel;
}
