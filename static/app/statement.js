// A publisher's own treasure in numbers: a receipt for what was paid, and a fold with the rest. Loaded for its publisher.

import { get } from "./api.js";
import { atMostEvery } from "../miniprogram/shared/renewing.js";
import { liveNumbers, receiptWords, statementNumbers } from "../miniprogram/shared/words-later.js";
import { OWN } from "../miniprogram/shared/words.js";
import { el, fill, set, showNumbers, write } from "./dom.js";

const RENEW_MS = 5_000;

/** Fill `place` with the fold; return `show()` for what frames tell of `task`, and `renew()` to read the rest and the `receipt`, at most every 5 s. */
export function statement(task, receipt, place, signal) {
  const live = el("dl.numbers");
  const read = el("dl.numbers");
  const fold = el("details.panel.fold.statement", { ontoggle: () => renew() },
    el("summary", {}, el("h2", {}, OWN.numbers)), el("div.stack", {}, live, read));
  fill(place, fold);

  const renew = atMostEvery(RENEW_MS, async () => {
    const found = await get("/getStatement", { code: task.code });
    if (signal.aborted) return;
    showNumbers(read, statementNumbers(found));
    write(receipt, receiptWords(task, found));
    set(receipt, { hidden: !found.paid_fen });
  }, () => !task.need_pay && (fold.open || task.goods_type === 1), signal);

  return {
    renew,
    show() {
      const isNew = place.hidden;
      set(place, { hidden: Boolean(task.need_pay) });
      showNumbers(live, liveNumbers(task));
      if (isNew) renew();
    },
  };
}
