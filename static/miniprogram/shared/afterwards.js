// What comes after a treasure's end, for any client: who won what, why that was fair, and where to dig next.

import { stateOf } from "./cards.js";
import { secondsUntil } from "./clock.js";
import { AFTER, title, wonByWords, wonWords } from "./words.js";

const NEXT = 3;
const NAMED = 5; // more winners are a number

let seen = []; // the cards that the square read last

/** Keep the cards of the square, so that an end needs no request. */
export function rememberSquare(cards) {
  seen = cards;
}

/** Keep a winner of a treasure in `winners`, by place: a person of its list, or a frame `prize`, which says what. */
export function noteWinner(winners, { no, wxname, ...won }, task) {
  const what = wonWords(won, task);
  if (what || !winners.has(no)) winners.set(no, { wxname, what });
}

/** Return treasures that can be dug next, those that open or cool down first: [{ code, title, state }]. */
function next(but) {
  const waits = ({ starts_at = 0, cd_until }) => secondsUntil(Math.max(starts_at, cd_until));
  const open = seen.filter(({ code, status, mine, won, name }) => code !== but && !status && !mine && !won && name);
  return open
    .map((card) => ({ card, left: waits(card) }))
    .sort((one, other) => (one.left || Infinity) - (other.left || Infinity))
    .slice(0, NEXT)
    .map(({ card, left }) => ({ code: card.code, title: title(card), state: stateOf(card, left).text }));
}

/**
 * Return what somebody who won nothing finds at a treasure's end, or where it was taken down (`gone`): { won, proof, next }.
 * Null while it runs, and for its publisher and winners, who have something to do there.
 */
export function afterwards(task, winners) {
  if (task.mine || task.is_prize || !(task.status || task.gone)) return null;
  const number = task.prize_num - task.prizes_left;
  const named = [...winners.values()].slice(0, NAMED);
  const told = !task.gone && task.now_depth > 0;
  return { won: told ? wonByWords(named, number) : "", proof: told ? AFTER.proof : "", next: next(task.code) };
}
