// What follows from a publisher's numbers: how far apart the prizes lie, what will happen, and what does not
// fit.

const DAY_SECONDS = 86400;
const MOST_INTERVAL = 100000;
export const MOST_KINDS = 10;
const FAR = 1.5; // a plan whose digs differ from the forecast by this factor does not fit it

/** How far apart prizes lie if digs of this forecast are to find them all; `gap` is the least that may lie between two. */
export function spacing({ prizes, forecast, gap }) {
  const interval = Math.min(MOST_INTERVAL, Math.max(gap, Math.round(forecast / prizes)));
  return { interval, fluctuation: Math.min(interval - gap, Math.round(interval / 3)) };
}

/** From how many digs to how many it takes to find the last prize. */
function digsToEnd({ prizes, forecast, interval, fluctuation }) {
  if (prizes === 1) return [1, forecast];
  return [prizes * (interval - fluctuation), prizes * (interval + fluctuation)];
}

/** What will happen, in a sentence; "" if the numbers say nothing yet. `cd` is the cooldown in seconds. */
export function planWords(plan) {
  const { prizes, forecast, interval, cd } = plan;
  const [least, most] = digsToEnd(plan);
  if (!(least > 0 && most >= least)) return "";
  const apart = prizes === 1 ? oneAmong(forecast) : `大约每 ${interval} 锹出一份`;
  return `${apart}；一直有人挖，${endsWithin(least, most, cd)}`;
}

const oneAmong = (forecast) => (forecast === 1 ? "1 份奖品，就在第 1 层" : `1 份奖品，第 1 到 ${forecast} 锹里哪一锹都一样可能`);

function endsWithin(least, most, cd) {
  // The first dig waits for nothing.
  const end = (digs) => (cd && digs > 1 ? lasting((digs - 1) * cd) : `${digs} 锹`);
  if (end(least) === end(most)) return least === 1 ? "第一锹就结束" : `${end(least)}结束`;
  return least === 1 ? `最快第一锹就结束，最慢 ${end(most)}` : `最快 ${end(least)}、最慢 ${end(most)}结束`;
}

/** A sentence that says how number, spacing and forecast disagree; "" if they agree. */
export function planWarning({ prizes, forecast, interval }) {
  const expected = prizes * interval;
  if (prizes < 2 || !interval || !forecast || (expected <= forecast * FAR && expected >= forecast / FAR)) return "";
  return `对不上：${prizes} 份、每隔 ${interval} 层一份，大约 ${expected} 锹才挖完，预计却是 ${forecast} 锹`;
}

function lasting(seconds) {
  if (seconds < 60) return `${seconds} 秒`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} 分钟`;
  if (seconds < 2 * DAY_SECONDS) return `${Math.ceil(seconds / 3600)} 小时`;
  return `${Math.ceil(seconds / DAY_SECONDS)} 天`;
}

/**
 * What `/postTask` takes of kinds of prizes that were filled in: [{name, kind, number, amount, value, url}], all texts. A kind
 * is "goods", "each" (`amount` yuan a packet) or "split" (`amount` yuan shared).
 */
export function prizesOf(kinds) {
  const prizes = kinds.map(({ name, kind, number, amount, value, url }) => ({
    name: name.trim(),
    prize_num: wholeOf(number),
    ...(url ? { url } : {}),
    ...(kind === "each" ? { money_fen: fenOf(amount) } : kind === "split" ? { sum_fen: fenOf(amount) } : value ? { value: wholeOf(value) } : {}),
  }));
  return {
    goods_type: kinds.some(({ kind }) => kind !== "goods") ? 1 : 2,
    prize_num: prizes.reduce((sum, { prize_num: number }) => sum + number, 0),
    prizes,
  };
}

/** How the goods of a treasure are given: 1 on site, 2 by mail, 0 if it has none. */
export function handing({ goods_type, draw_type, ranks }) {
  const goods = ranks.length ? ranks.find((rank) => rank.goods_type === 2) : { goods_type, draw_type };
  return goods && goods.goods_type === 2 ? goods.draw_type : 0;
}

/** What its publisher said about handing goods over, as the forms take it. */
export const handingOf = ({ place, pickup_time, contact, not_sent_to }) => ({ place, pickup_time, contact, not_sent_to: not_sent_to.join("、") });

/**
 * The values with which the publishing form buries a treasure again, from its details: `values` by name and
 * `kinds`, as `prizesOf` takes them, all texts; `url` of its picture, "" where it may have been drawn.
 *
 * @returns {{ url: string, values: Record<string, string>, kinds: any[] }}
 */
export function copyOf(task) {
  const { name, synopsis, signed, wxname, pic, goods_type, prize_num, money, value, forecast_num, interval, fluctuation, cd, ranks, is_public } = task;
  const numbers = { goods_type, draw_type: handing(task) || 2, prize_num, money, value: value || "", forecast_num, cd, is_public, ...(prize_num > 1 ? { interval, fluctuation } : {}) };
  return {
    url: goods_type === 2 ? pic : "",
    values: { name, synopsis, wxname: signed ? wxname : "", ...handingOf(task), ...Object.fromEntries(Object.entries(numbers).map(([of, number]) => [of, String(number)])) },
    kinds: ranks.map((rank) => ({
      name: rank.name,
      kind: rank.sum_fen ? "split" : rank.money_fen ? "each" : "goods",
      number: String(rank.prize_num),
      amount: rank.sum_fen || rank.money_fen ? String((rank.sum_fen || rank.money_fen) / 100) : "",
      value: rank.value ? String(rank.value) : "",
      url: rank.pic,
    })),
  };
}

/** What these prizes pay together, in fen. */
export const paysFen = (prizes) => prizes.reduce((sum, { prize_num: number, money_fen: each = 0, sum_fen: shared = 0 }) => sum + each * number + shared, 0);

/** A whole number that was typed, as a field reads it: 1e3 is 1000. */
export const wholeOf = (text) => Math.trunc(Number(text)) || 0;
const fenOf = (yuan) => Math.round(Number(yuan) * 100) || 0;
