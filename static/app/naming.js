// Asking for a name where others will see it: WeChat hands out none since 2022.

import { el, set } from "./dom.js";
import { editProfile } from "./mine.js";
import { onChange, person } from "./session.js";

/** Whether the person has a name of their own. Logins of older versions did not say. */
export function isNamed() {
  return person.named !== 0;
}

/** Return a panel that asks the person for a name, and says `why`; it goes once they have one. `saved` is as in `editProfile`. */
export function askName(signal, why, saved) {
  const panel = el("section.panel.stack.unnamed", { hidden: isNamed() },
    el("p", {}, "别人现在看到的你是“", el("bdi", {}, person.nickName), "”。", why),
    el("div", {}, el("button.primary", { type: "button", onclick: () => editProfile(signal, saved) }, "起个名字")));
  onChange(() => person && set(panel, { hidden: isNamed() }), signal);
  return panel;
}
