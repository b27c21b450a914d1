// Numbers, sums, sizes and times as texts, in the browser's language; addresses.

import { language, t } from "./words.js";

const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, notation: "compact" });
const yuan = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const clockTime = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const toMinute = { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const dayTime = new Intl.DateTimeFormat(language, toMinute);
const yearTime = new Intl.DateTimeFormat(language, { year: "numeric", ...toMinute });

const NOTHING = "–";

export const count = (value) => (value == null ? NOTHING : value < 100_000 ? whole.format(value) : compact.format(value));

/** A number per second, which may be a mean of several seconds: below 100 with one decimal. */
export const rate = (value) => (value == null || value >= 100 ? count(value) : tenth.format(value));

export function milliseconds(value) {
  if (value == null) return NOTHING;
  return value < 1000 ? `${short.format(value)} ms` : `${short.format(value / 1000)} s`;
}

export function bytes(value) {
  if (value == null) return NOTHING;
  if (value < 1024) return `${value} B`;
  if (value < 1024 ** 2) return `${short.format(value / 1024)} KB`;
  return value < 1024 ** 3 ? `${short.format(value / 1024 ** 2)} MB` : `${short.format(value / 1024 ** 3)} GB`;
}

/** Return a person's text isolated, so that in a sentence of ours it cannot turn our words round. */
export const isolated = (text) => `\u2068${String(text).replace(/[\u202a-\u202e\u2066-\u2069]/g, "")}\u2069`;

export const money = (fen) => `¥${yuan.format(fen / 100)}`;
export const clock = (unixMs) => clockTime.format(unixMs);

/** Return a day and its time; with the year, if it is another one than now. */
export function day(unixMs) {
  if (!unixMs) return NOTHING;
  const ofThisYear = new Date(unixMs).getFullYear() === new Date().getFullYear();
  return (ofThisYear ? dayTime : yearTime).format(unixMs);
}

/** Return a day and its time to the second. */
export const moment = (unixMs) => `${day(unixMs).split(" ")[0]} ${clock(unixMs)}`;

/** Return a time to the second, with its day unless that is today. */
export const lately = (unixMs) => (new Date(unixMs).toDateString() === new Date().toDateString() ? clock : moment)(unixMs);

/** Return a duration in its two largest units: "3 天 4 小时", "2:05". */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [minutes, hours, days] = [seconds / 60, seconds / 3600, seconds / 86400].map(Math.floor);
  if (days) return t("span_days", days, hours % 24);
  if (hours) return t("span_hours", hours, minutes % 60);
  return `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Return the address of the audit log with these filters. */
export const logAddress = (filters) => `#/log?${new URLSearchParams(filters)}`;
