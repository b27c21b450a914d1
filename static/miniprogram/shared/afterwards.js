// What comes after a treasure's end, for any client: who won what, why that was fair, and where to dig next.

import { cardsOf, stateOf } from "./cards.js";
import { observeCard, secondsUntil } from "./clock.js";
import { sha256, utf8 } from "./hash.js";
import { AFTER, title, wonByWords, wonWords } from "./words.js";

const NEXT = 3;
const NAMED = 5; // if more won, only their number is given
const LOST_KEPT = 20; // treasures
export const SPREAD_MS = 4000; // all who watch a treasure find its end at once

let seen = []; // the cards that the square read last
let sought = ""; // the code of the treasure for which the square was read last

/** Keep the cards of the square, so that an end needs no request where it was read. */
export function rememberSquare(cards) {
  seen = cards;
}

/** Read the square with `get`, and keep its cards. */
export async function readSquare(get) {
  const square = await get("/getTaskList", { page: 1 });
  square.data.forEach(observeCard);
  rememberSquare(cardsOf(square));
}

/** Whether the square says of a card's treasure that it is one's own, or that one won it: other lists do not. */
export const isOwn = ({ code }) => seen.some((card) => card.code === code && (card.mine || card.won));

/** How many seconds there are until a card's treasure can be dug. */
export const waits = ({ starts_at = 0, cd_until }) => secondsUntil(Math.max(starts_at, cd_until));

/**
 * Return `{ noteLost, lostOf }`, which count in `stored`, `{ get, set }`, how often presses of `person()` lost to a random order
 * in each of the last treasures.
 */
export function lostPresses(stored, person) {
  const keyOf = (code) => `${code} ${sha256(utf8(person().unionid)).slice(0, 16)}`; // this outlasts a logout
  const lostOf = (code) => (stored.get() || {})[keyOf(code)] || 0;
  const noteLost = (code) => {
    const { [keyOf(code)]: _, ...others } = stored.get() || {};
    stored.set(Object.fromEntries([...Object.entries(others).slice(1 - LOST_KEPT), [keyOf(code), lostOf(code) + 1]]));
  };
  return { noteLost, lostOf };
}

/** Keep a winner of a treasure in `winners`, by place: a person of its list, or a frame `prize`, which says what. */
export function noteWinner(winners, winner, task) {
  const { no, wxname } = winner;
  const what = wonWords(winner, task);
  if (what || !winners.has(no)) winners.set(no, { wxname, what });
}

/** Note in a treasure what a dig of it brought up, by its frame. */
export function noteFind({ finds }, { find }) {
  if (find && !finds.includes(find)) finds.push(find);
}

/** Return treasures that can be dug next, the soonest first, and of those open now the square's first: [{ code, title, thumbnail, state, left }]. */
export function nextCards(but) {
  const open = seen.filter(({ code, status, away, mine, won, name }) => code !== but && !status && !away && !mine && !won && name);
  return open
    .map((card) => ({ card, left: waits(card) }))
    .sort((one, other) => one.left - other.left)
    .slice(0, NEXT)
    .map(({ card, left }) => ({ code: card.code, title: title(card), thumbnail: card.thumbnail, state: stateOf(card, left).text, left }));
}

/**
 * Return what somebody who won nothing finds at a treasure's end, or where it was taken down (`gone`): { won, proof, finds, next }.
 * Null while it runs, and for its publisher and winners, who have something to do there.
 */
export function afterwards(task, winners) {
  if (task.mine || task.is_prize || !(task.status || task.gone)) return null;
  const number = task.prize_num - task.prizes_left;
  const named = [...winners.values()].slice(0, NAMED);
  const told = !task.gone && task.now_depth > 0;
  return { won: told ? wonByWords(named, number) : "", proof: told ? AFTER.proof : "", finds: told ? task.finds : [], next: nextCards(task.code) };
}

/** If `afterwards` found nothing to dig next, read the square once with `get`, some seconds later, and call `show`. */
export function seekNext(found, { code }, get, show) {
  if (!found || found.next.length || sought === code) return;
  sought = code;
  setTimeout(() => readSquare(get).then(show, (error) => {
    if (!error.error) throw error; // without a reply there is the way to the square
  }), Math.random() * SPREAD_MS);
}
