// 每日一挖, for any client: which treasure stands on top, what is said of it, and the calendar of the days one took part.

import { asMoment, asTime, secondsUntil } from "./clock.js";
import { headline } from "./story.js";
import { title } from "./words.js";

export const DAILY = { title: "每日一挖", dig: "去挖" };

/**
 * Return what stands on top of the square, null for nothing: { card, says, digs, over, next }. `card` is the one that runs, or
 * the one that starts next; `digs` that it can be dug now; `over` is { code, says } of the last one that ended, `next` says
 * what comes after.
 */
export function dailyTop(cards) {
  const left = ({ starts_at }) => secondsUntil(starts_at);
  const ahead = cards.filter((card) => !card.status && left(card));
  const card = cards.find((each) => !each.status && !left(each)) ?? ahead[0] ?? null;
  const [ended] = cards.filter(({ status }) => status).reverse();
  if (!card && !ended) return null;
  const seconds = card ? left(card) : 0;
  const after = ahead.find((each) => each !== card);
  return {
    card,
    says: !card ? "" : seconds ? `${asTime(seconds)}${seconds < 60 ? " 秒" : " "}后开挖` : "正在挖",
    digs: Boolean(card) && !seconds,
    over: ended ? { code: ended.code, says: `上一次“${title(ended)}”：${headline(ended)}` } : null,
    next: after ? `下一次 ${asMoment(after.starts_at)}：${title(after)}` : "",
  };
}

/** The calendar: { says, days: [{ day, code, took }] }, the first day first; null before there was any. */
export function calendarOf(days) {
  if (!days.length) return null;
  const took = days.filter(({ took_part }) => took_part).length;
  return {
    says: took ? `最近四周的每日一挖，你参加了 ${took} 次` : "最近四周的每日一挖",
    days: [...days].reverse().map(({ day, code, took_part }) => ({ day: `${Number(day.slice(5, 7))}/${Number(day.slice(8))}`, code, took: Boolean(took_part) })),
  };
}
