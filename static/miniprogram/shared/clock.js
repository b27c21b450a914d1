// The server's time, as well as this client can know it, and countdowns to a moment of it.

const SAMPLES = 20;
export const BEIJING_MINUTES = 480; // ahead of UTC
const offsets = [];
// performance.now() ignores changes of the system's time. A mini-program does not have this function.
const ticked = () => (typeof performance === "undefined" ? Date.now() : performance.now());

/**
 * Note what the server's clock said (unix ms). A sample arrives late, never early, so the greatest offset is
 * the most exact.
 */
export function observe(serverTime) {
  offsets.push(serverTime - ticked());
  if (offsets.length > SAMPLES) offsets.shift();
}

/** Call this as soon as a card arrives. Its cooldown ends at `cd_until`; `time` is the seconds left then, rounded up. */
export function observeCard({ is_cd, cd_until, time }) {
  if (is_cd) observe(cd_until - time * 1000);
}

/** The server's present time in unix ms. */
export function now() {
  return offsets.length ? ticked() + Math.max(...offsets) : Date.now();
}

/** Whole seconds until `moment` (unix ms), rounded up; 0 once it is over. */
export function secondsUntil(moment) {
  return Math.max(0, Math.ceil((moment - now()) / 1000));
}

/** Seconds as people read them: 9, 1:05, 1:00:00. */
export function asTime(seconds) {
  if (seconds < 60) return String(seconds);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, place) => (place ? String(part).padStart(2, "0") : part)).join(":");
}

/**
 * A moment (unix ms) as people read it, in Beijing's time, as posters and WeChat's messages have it: 12月5日 18:00; with
 * the year, if it is not this one. Whose own time differs reads both.
 */
export function asMoment(moment) {
  const [day, time] = written(moment, BEIJING_MINUTES);
  const ahead = minutesAhead(moment);
  if (ahead === BEIJING_MINUTES) return `${day} ${time}`;
  const [ownDay, ownTime] = written(moment, ahead);
  return `${day} ${time} 北京时间（你那里 ${ownDay === day ? "" : `${ownDay} `}${ownTime}）`;
}

/** How far this client's own zone is ahead of UTC at a moment, in minutes. */
export const minutesAhead = (moment) => -new Date(moment).getTimezoneOffset();

/** A moment's day and time of day in a zone that is `ahead` of UTC, in minutes. */
function written(moment, ahead) {
  const [at, today] = [moment, now()].map((each) => new Date(each + ahead * 60000));
  const two = (number) => String(number).padStart(2, "0");
  const year = at.getUTCFullYear() === today.getUTCFullYear() ? "" : `${at.getUTCFullYear()}年`;
  return [`${year}${at.getUTCMonth() + 1}月${at.getUTCDate()}日`, `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`];
}

/**
 * Call `onSecond` with the seconds left, now and whenever that number changes, finally with 0.
 * Returns a function that stops it.
 */
export function countDown(moment, onSecond) {
  let timer;
  const step = () => {
    const left = moment - now();
    onSecond(secondsUntil(moment));
    if (left > 0) timer = setTimeout(step, (left % 1000) + 5);
  };
  step();
  return () => clearTimeout(timer);
}
