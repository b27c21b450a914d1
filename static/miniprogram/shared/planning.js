// What follows from a publisher's numbers: how far apart the prizes lie, what will happen, and what does not
// fit.

import { BEIJING_MINUTES, asMoment, minutesAhead, now } from "./clock.js";
import { cooldownWords } from "./words.js";
import { PACKET, RANKS, TEMPOS, rangeWords, sumMissing } from "./words-publish.js";

const DAY_SECONDS = 86400;
const BEIJING_MS = BEIJING_MINUTES * 60000;
const MOST_INTERVAL = 100000;
export const MOST_KINDS = 10;
const MOST_PRIZES = 1000;
const LEAST_FEN = 10; // of each share
const FAR = 1.5; // a plan that differs by this factor from what was named does not fit it
const EARLY = 0.8; // of a tempo's time: sooner is another number of minutes
const DIGS_A_PRIZE = 15; // fewer, and the prizes are gone before anybody comes
// How long the digs of a tempo take together and how long one waits between two where they are few, in seconds. The few
// people of a group begin together: with `group` digs for each red packet the first is won within some eight digs. In an
// evening fewer digs mean a longer wait between two; in five minutes all look on, and nobody waits more than `most` seconds.
const PACES = {
  minutes: { lasts: 300, apart: 10, group: 4, most: 6 },
  evening: { lasts: 10800, apart: 60, group: 6, most: Infinity },
  day: { lasts: 43200, apart: 300, group: 6, most: Infinity },
};
const GOODS_RULES = { least_cd: 0, least_gap: 1, least_diggers: 1 };

/** The numbers that a tempo gives to a treasure, of which the last prize lies at `slowest` at most; `fits` is false if that takes much longer. */
function paced(tempo, prizes, { least_cd, least_gap, least_diggers, group }) {
  const { lasts, apart, group: digs, most } = PACES[tempo];
  const usual = group ? DIGS_A_PRIZE : Math.round(lasts / apart);
  const forecast = Math.max(prizes * Math.max(group ? digs : DIGS_A_PRIZE, least_gap), least_diggers, usual);
  const [, slowest] = digsToEnd({ prizes, forecast, ...spacing({ prizes, forecast, gap: Math.max(1, least_gap) }) });
  const longest = Math.floor((lasts * FAR) / slowest);
  const cd = Math.max(1, least_cd, Math.min(Math.round(lasts / forecast), longest, group ? most : Infinity));
  return { forecast, cd, slowest, fits: slowest * cd <= lasts * FAR };
}

/**
 * What follows for the draw: { tempo, prizes, forecast, interval, fluctuation, cd, gap, misfit }, in digs and seconds.
 * Without a `tempo`, the first that fits is taken. Of "own" numbers, `typed` has texts by the server's names, and
 * those left out follow from the others. `rules` are the server's for red packets, which count if `cash`; with `group`
 * these are for a group. `misfit` says why the tempo does not go with so many prizes; "" if it does.
 */
export function planOf({ prizes, tempo = "", typed = {}, cash = false, group = false, rules }) {
  const limits = { ...(cash ? rules : GOODS_RULES), group };
  const gap = Math.max(1, limits.least_gap);
  const number = prizes || 1;
  const suited = Object.keys(PACES).find((each) => paced(each, number, limits).fits) || "";
  const chosen = PACES[tempo] ? tempo : suited || "day";
  const { forecast, cd, fits } = paced(chosen, number, limits);
  const plan = { tempo: chosen, prizes, forecast, cd, gap, ...spacing({ prizes: number, forecast, gap }), misfit: "" };
  if (tempo === "own") return { ...plan, tempo, ...ownNumbers(plan, typed) };
  return { ...plan, misfit: fits ? "" : misfitWords(chosen, suited, number, limits) };
}

/** The numbers that the person typed, each 0 if it is none; the others follow from these, or else from the plan. */
function ownNumbers({ prizes, forecast: usual, cd, gap }, typed) {
  const own = (name, otherwise) => (typed[name] ? wholeOf(typed[name]) : otherwise);
  const apart = own("interval", 0);
  const forecast = own("forecast_num", apart ? (prizes || 1) * apart : usual);
  const interval = own("interval", spacing({ prizes: prizes || 1, forecast, gap }).interval);
  return { forecast, interval, fluctuation: own("fluctuation", Math.max(0, Math.min(interval - gap, Math.round(interval / 3)))), cd: own("cd", cd) };
}

function misfitWords(tempo, suited, prizes, limits) {
  const named = Object.fromEntries(TEMPOS);
  const { slowest, cd } = paced(tempo, prizes, limits);
  let most = prizes;
  while (most && !paced(tempo, most, limits).fits) most -= 1;
  const instead = [suited && `选“${named[suited]}”`, most && `减到 ${most} 份`].filter(Boolean).join("，或") || "选“自己定”";
  return `${named[tempo]}可能挖不完 ${prizes} 份：最多要挖 ${slowest} 锹，两锹至少隔 ${cd} 秒，最慢 ${lasting(slowest * cd)}。可以${instead}。`;
}

/** A question for a publisher whose plan lets every dig or every second dig win; "" for others. */
export function quickWords({ prizes, forecast, interval, cd }) {
  const every = prizes > 1 ? interval : forecast;
  if (!prizes || !every || every > 2) return "";
  const seconds = prizes * every * cd;
  return `${every === 1 ? "每一锹都中" : "每两锹就中一份"}，${seconds > 600 ? lasting(seconds) : "几分钟"}就挖完了。`;
}

/** What `/postTask` takes of a red packet for a group. `filled` are texts: `sum` in yuan, `prize_num`, `wish`. */
export function packetOf({ sum, prize_num, wish = "" }) {
  return {
    ...prizesOf([{ name: PACKET.share, kind: "split", number: prize_num || "0", amount: sum }]),
    name: wish.trim() || PACKET.usual, is_public: 0, ends_at: Math.round(now()) + DAY_SECONDS * 1000,
  };
}

/** What is wrong with a red packet for a group, { param, message }, in the words of its fields; null if nothing is. The sum may be `most` yuan. */
export function packetProblem({ sum, prize_num: typed }, most) {
  const number = Number(typed);
  const counts = number >= 1 && number <= MOST_PRIZES && wholeOf(typed) === number;
  const least = (counts ? number : 1) * LEAST_FEN;
  if (least > most * 100) return { param: "prize_num", message: rangeWords(PACKET.number, 1, Math.floor((most * 100) / LEAST_FEN), true) };
  const lowest = (least / 100).toFixed(2);
  if (!sum) return { param: "sum", message: sumMissing(lowest, most) };
  if (!counts) return { param: "prize_num", message: rangeWords(PACKET.number, 1, MOST_PRIZES, true) };
  const fen = fenOf(sum);
  const pays = fen >= least && fen <= most * 100 && Math.abs(Number(sum) * 100 - fen) < 1e-6;
  return pays ? null : { param: "sum", message: rangeWords(PACKET.sum, lowest, most, false) };
}

/** The moment (unix ms) of a day and a time in Beijing, as fields of forms have these. Date.parse is not used: iOS reads few forms with it. */
export function momentOf(day, clock = "") {
  const [year, month, ...rest] = `${day}-${clock.replace(":", "-")}`.split("-").map(Number);
  return (day && Date.UTC(year, month - 1, ...rest) - BEIJING_MS) || undefined;
}

/** The day and the time of a moment in Beijing, as fields of forms have these; "" and "" of none. */
export function dayAndClock(moment) {
  if (!moment) return { day: "", clock: "" };
  const [day, clock] = new Date(moment + BEIJING_MS).toISOString().split("T");
  return { day, clock: clock.slice(0, 5) };
}

/** What is said beside fields for times where one's own differ from Beijing's, with the `moments` that were chosen; "" elsewhere. */
export function zoneWords(...moments) {
  const chosen = moments.filter(Boolean);
  if (chosen.concat(now()).every((moment) => minutesAhead(moment) === BEIJING_MINUTES)) return "";
  return ["时间按北京时间填", ...chosen.map(asMoment)].join("；");
}

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
  const { tempo, prizes, forecast, interval, fluctuation, cd } = plan;
  const [least, most] = digsToEnd(plan);
  if (!(least > 0 && most >= least)) return "";
  const apart = prizes === 1 ? oneAmong(forecast) : `大约每 ${interval} 锹出一份${fluctuation ? `（上下 ${fluctuation} 锹）` : ""}`;
  return `${apart}${cd && most > 1 ? `，每锹之后${cooldownWords({ cd })}` : ""}；一直有人挖，${soonerWords(tempo, most * cd)}${endsWithin(least, most, cd)}`;
}

/** What says that the end comes well before the time which the chosen tempo names; "" if it does not. */
function soonerWords(tempo, seconds) {
  const pace = PACES[tempo];
  return pace && seconds < pace.lasts * EARLY ? `用不了${Object.fromEntries(TEMPOS)[tempo]}：` : "";
}

const oneAmong = (forecast) => (forecast === 1 ? "1 份奖品，就在第 1 层" : `1 份奖品，第 1 到 ${forecast} 锹里哪一锹都一样可能`);

function endsWithin(least, most, cd) {
  // The first dig waits for nothing.
  const end = (digs) => (cd && digs > 1 ? lasting((digs - 1) * cd) : `${digs} 锹`);
  if (end(least) === end(most)) return least === 1 ? "第一锹就挖完" : `${end(least)}挖完`;
  return least === 1 ? `最快第一锹就挖完，最慢 ${end(most)}` : `最快 ${end(least)}、最慢 ${end(most)}挖完`;
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
 * is "goods", "each" (`amount` yuan a packet) or "split" (`amount` yuan shared). A name or number that is left out is
 * that of its place.
 */
export function prizesOf(kinds) {
  const prizes = kinds.map(({ name, kind, number, amount, value, url }, at) => ({
    name: name.trim() || RANKS[at],
    prize_num: number ? wholeOf(number) : 1,
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
