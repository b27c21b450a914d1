// A publisher's own treasure in numbers, where others have the disc to dig.

import { get } from "./api.js";
import { countDown } from "../miniprogram/shared/clock.js";
import { atMostEvery } from "../miniprogram/shared/renewing.js";
import { OWN, coolingWords, liveNumbers, statementNumbers } from "../miniprogram/shared/words.js";
import { el, set, showNumbers, write } from "./dom.js";

const RENEW_MS = 5_000;

/** Return the section, with `show(task)` for what frames tell, and `renew()` to read the rest, at most every 5 s. */
export function statement(code, signal) {
  const live = el("dl.numbers");
  const read = el("dl.numbers");
  const cooling = el("p.hint");
  const element = el("section.panel.stack.statement", { hidden: true }, el("h2", {}, OWN.numbers), live, read, cooling);
  let counted = null;
  let stop = () => {};

  const renew = atMostEvery(RENEW_MS, async () => {
    const found = await get("/getStatement", { code });
    if (!signal.aborted) showNumbers(read, statementNumbers(found));
  }, () => !element.hidden, signal);

  /** Count down to when others may dig again; null if they may not any more. */
  function count(task) {
    const until = task.status || task.review !== "shown" ? null : task.cd_until;
    if (until === counted) return;
    counted = until;
    stop();
    if (until === null) write(cooling, "");
    else stop = countDown(until, (seconds) => write(cooling, coolingWords(seconds, task)));
  }
  signal.addEventListener("abort", () => stop());

  return {
    element,
    renew,
    show(task, own) {
      const shown = Boolean(own && !task.need_pay);
      const appears = shown && element.hidden;
      set(element, { hidden: !shown });
      if (!own) return;
      showNumbers(live, liveNumbers(task));
      count(task);
      if (appears) renew();
    },
  };
}
