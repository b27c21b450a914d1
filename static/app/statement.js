// A publisher's own treasure in numbers, folded.

import { get } from "./api.js";
import { atMostEvery } from "../miniprogram/shared/renewing.js";
import { OWN, liveNumbers, statementNumbers } from "../miniprogram/shared/words.js";
import { el, set, showNumbers } from "./dom.js";

const RENEW_MS = 5_000;

/** Return the fold, with `show(task)` for what frames tell, and `renew()` to read the rest, at most every 5 s. */
export function statement(code, signal) {
  const live = el("dl.numbers");
  const read = el("dl.numbers");
  const element = el("details.panel.fold.statement", { hidden: true, ontoggle: () => renew() },
    el("summary", {}, el("h2", {}, OWN.numbers)), el("div.stack", {}, live, read));

  const renew = atMostEvery(RENEW_MS, async () => {
    const found = await get("/getStatement", { code });
    if (!signal.aborted) showNumbers(read, statementNumbers(found));
  }, () => !element.hidden && element.open, signal);

  return {
    element,
    renew,
    show(task, own) {
      set(element, { hidden: !own || Boolean(task.need_pay) });
      if (own) showNumbers(live, liveNumbers(task));
    },
  };
}
