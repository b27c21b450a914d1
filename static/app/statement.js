// A publisher's own treasure in numbers, where others have the disc to dig.

import { get } from "./api.js";
import { atMostEvery } from "./channel.js";
import { asTime, countDown } from "../miniprogram/shared/clock.js";
import { el, set, showNumbers, write } from "./dom.js";

const RENEW_MS = 5_000;

/** Fen as people read them: 6 元, 6.50 元. */
function yuan(fen) {
  return `${(fen / 100).toLocaleString("zh-CN", { minimumFractionDigits: fen % 100 ? 2 : 0 })} 元`;
}

/** Return the section, with `show(task)` for what frames tell, and `renew()` to read the rest, at most every 5 s. */
export function statement(code, signal) {
  const live = el("dl.numbers");
  const read = el("dl.numbers");
  const cooling = el("p.hint");
  const element = el("section.panel.stack.statement", { hidden: true }, el("h2", {}, "这个宝贝"), live, read, cooling);
  let counted = null;
  let stop = () => {};

  const renew = atMostEvery(RENEW_MS, async () => {
    const found = await get("/getStatement", { code });
    if (!signal.aborted) showNumbers(read, numbers(found));
  }, () => !element.hidden, signal);

  /** Count down to when others may dig again; null if they may not any more. */
  function count(until) {
    if (until === counted) return;
    counted = until;
    stop();
    if (until === null) write(cooling, "");
    else stop = countDown(until, (seconds) => write(cooling, seconds ? `冷却中，还剩 ${asTime(seconds)}${seconds < 60 ? " 秒" : ""}` : "现在可以挖"));
  }
  signal.addEventListener("abort", () => stop());

  return {
    element,
    renew,
    show(task, own) {
      const shown = Boolean(own && !task.need_pay);
      const appears = shown && element.hidden;
      set(element, { hidden: !shown });
      showNumbers(live, [
        ["挖的人", task.participants, "人"],
        ["挖到", task.now_depth, `/ ${task.max_depth} 层`],
        ["奖品剩", task.prizes_left, `/ ${task.prize_num} 份`],
      ]);
      count(task.status || task.review !== "shown" ? null : task.cd_until);
      if (appears) renew();
    },
  };
}

function numbers(found) {
  const people = [
    ["打开过", found.opened, "人"],
    ["分享过", found.sharers, "人"],
    ["被分享带来", found.brought, "人"],
  ];
  if (found.paid_fen) {
    const money = [["已付", found.paid_fen], ["已发", found.given_fen], ["已退", found.refunded_fen], ["在账上", found.held_fen]];
    return [...people, ...money.map(([label, fen]) => [label, yuan(fen), ""])];
  }
  const claimed = ["已领奖", found.prizes_given, `/ ${found.prizes_won} 份`];
  if (!found.prizes_sent) return [...people, claimed];
  return [...people, claimed, ["已寄出", found.prizes_sent, "份"], ["已收到", found.prizes_received, "份"]];
}
