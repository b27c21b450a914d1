// What a list says of a treasure, for any client. A card is the server's, with `mine` or `won` if this person published
// or won it.

import { asTime, secondsUntil } from "./clock.js";
import { isOverdue } from "./prizes.js";
import { CARD_STATES, TO_DO, WHY_NOT, endsWords, heroWords, prizeWords, prizesLeft, startWords, title, worth, yuan } from "./words.js";

const FAR_HOURS = 120;

/** A card's heading: that of somebody's own prize, if it is one, else that of the treasure, whose money its mark may say. */
export const headingOf = (card) => (packetMark(card) ? card.name : card.prize_state && card.name ? [...new Set([heroWords(card), card.name])].join(" · ") : title(card));

/** The red packets that a running treasure was buried with, as its card's mark says; "" if there are none. */
export function packetMark({ name, status, prize_state, goods_type, money, prize_num, ranks = [] }) {
  if (goods_type !== 1 || status || prize_state || !name) return "";
  const fen = ranks.length ? ranks.reduce((sum, rank) => sum + rank.sum_fen + rank.money_fen * rank.prize_num, 0) : money * 100 * prize_num;
  return `${ranks.some((rank) => rank.goods_type === 2) ? "有" : ""}红包${prize_num > 1 ? "，共" : ""} ${yuan(fen)}`;
}

/**
 * Return the state of a card's treasure, or of the prize that it is, as a kind and in words; `left` is the seconds of its
 * cooldown.
 */
export function stateOf(card, left) {
  const { name, status, need_pay, mine, won, prize_state, review } = card;
  const named = (kind) => ({ kind, text: CARD_STATES[kind] });
  if (!name) return named("gone");
  if (prize_state) return { kind: card.is_draw ? "ended" : "open", text: prizeWords(card, isOverdue(card) ? "expiring" : prize_state) };
  if (status) return named("ended");
  if (review === "hidden") return { kind: "ended", text: WHY_NOT.no_such_task };
  if (card.away) return { kind: "ended", text: CARD_STATES.away };
  if (need_pay) return named("unpaid");
  if (review === "checking" || review === "held") return { kind: "cooling", text: WHY_NOT.in_check };
  if (left && startWords(card)) return { kind: "cooling", text: startWords(card) };
  if (left) return { kind: "cooling", text: `冷却 ${asTime(left)}${left < 60 ? " 秒" : ""}` };
  return named(mine ? "mine" : won ? "won" : "open");
}

/** How many prizes a card's treasure has left; "" where it has one, or the card is that of a prize. */
export const leftWords = (card) => (card.prize_num === 1 || card.prize_state ? "" : prizesLeft(card));

/** Return the cards of a page of `/getTaskList`, each with whether it is the caller's, won by them, or featured. */
export function cardsOf({ data, mine, won, featured }) {
  const among = { mine: new Set(mine), won: new Set(won), featured: new Set(featured) };
  return data.map((card) => ({ ...card, ...Object.fromEntries(Object.entries(among).map(([name, codes]) => [name, codes.has(card.code)])) }));
}

/** Whether a card stands among those of running treasures. */
export const runs = ({ status, stays }) => !status || Boolean(stays);

/**
 * Return cards as `found` has them now, each in its place, so that nothing moves under a finger; what is new comes last.
 * `whole`: what `found` lacks is no longer there.
 */
export function inPlace(cards, found, whole) {
  const now = new Map(found.map((card) => [card.code, card]));
  const kept = cards.map((card) => {
    const then = now.get(card.code) ?? (whole ? { ...card, away: true } : card);
    now.delete(card.code);
    return { ...then, stays: runs(card) };
  });
  return [...kept, ...now.values()];
}

/** Return the parameters of `/getTaskList` for what somebody looks for. */
export function sought({ kind, name }) {
  return { ...(kind === "upcoming" ? { upcoming: 1 } : { kind: kind || null }), name: name || null };
}

/** Return what a treasure is worth, how many dug it, and how long it lasts at most; nothing of a prize that was won there. */
export function lastingOf(card) {
  if (card.prize_state) return worth(card);
  return [worth(card), card.participants ? `${card.participants} 人挖过` : "", asLeft(card)].filter(Boolean).join(" · ");
}

function asLeft(card) {
  const { status, need_pay, expires_at } = card;
  if (need_pay) return ""; // an unpaid one is deleted sooner
  if (startWords(card)) return endsWords(card);
  if (status || !expires_at) return "";
  const hours = secondsUntil(expires_at) / 3600;
  if (hours >= FAR_HOURS) return ""; // most are dug long before
  if (hours >= 48) return `还有 ${Math.floor(hours / 24)} 天`;
  if (hours >= 1) return `还有 ${Math.floor(hours)} 小时`;
  return "不到 1 小时";
}

/** What waits for a person, as a line: what it says, its button, and where that leads ("winners", of whom those `wanted`, or "treasure"). */
export function waiting({ act, code, name, ...rest }) {
  const { says, act: label } = TO_DO[act];
  return { code, name, said: says(rest), act: label, ...(act === "ship" ? { opens: "winners", wanted: "to_send" } : { opens: "treasure" }) };
}
