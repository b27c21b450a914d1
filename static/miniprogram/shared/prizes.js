// What there is to do about a prize, for any client.

import { secondsUntil } from "./clock.js";

const DAY_MS = 86400000;
const LONG_SECONDS = 60; // a shorter cooldown is waited for
const IN_FLIGHT_MS = 10_000; // somebody who digs and opens the page anew may get the outcome until then
const GONE = ["expiring", "returned"];
const OUT = ["frozen", ...GONE]; // in these states it cannot be claimed, or not now

export const isMailed = ({ goods_type, draw_type }) => goods_type === 2 && draw_type === 2;

/** The details after a dig that won: from now on they describe the caller's prize. */
export function wonBy({ no, rank, money_fen }, { ranks = [] }) {
  const won = { is_prize: 1, no, why: "already_won" };
  if (!rank) return won;
  const { goods_type, draw_type, value } = ranks[rank - 1];
  return { ...won, rank, money_fen, goods_type, draw_type, value };
}

/**
 * Whether the win that a frame tells may be the caller's, who dug in another window or before a reload: the details tell.
 * Many people have no name but WeChat's. They read the details only on a page just opened, so that not all do at once.
 */
export const mayBeOwn = ({ wxname }, { nickName, named }, openedAt) => (
  wxname === nickName && (named !== 0 || Date.now() - openedAt < IN_FLIGHT_MS));

/** The picture of what somebody won: that of its kind, if it has one. */
export const wonThumbnail = ({ rank, ranks = [], thumbnail }) => (rank && ranks[rank - 1].thumbnail) || thumbnail;

/** Return the kinds of prizes with how many are left of each, as a frame tells it. */
export const ranksLeft = ({ ranks = [] }, { ranks_left: left = [] }) => (
  ranks.map((rank, place) => (left.length ? { ...rank, prizes_left: Math.min(rank.prizes_left, left[place]) } : rank)));

/** Whether some of a treasure's prizes are red packets: then all read who got how much. */
export const hasPackets = ({ goods_type, ranks = [] }) => (ranks.length ? ranks : [{ goods_type }]).some((rank) => rank.goods_type === 1);

/** Whether a publisher has goods to hand over for a pick-up code, now or once their winner shows one. */
export const handsOver = (winners) => winners.some(({ goods_type, draw_type, is_draw, state }) => (
  goods_type === 2 && draw_type === 1 && !is_draw && !GONE.includes(state)));

/**
 * The fields from which a claim is shown. A prize that is `claiming` is claimed in the same way as one that is
 * `won`.
 */
export function stateOf(task) {
  const { is_prize, is_draw, prize_state } = task;
  if (isOverdue(task)) return `${is_prize} ${is_draw} overdue`;
  return `${is_prize} ${is_draw} ${!prize_state || prize_state === "claiming" ? "won" : prize_state}`;
}

const hasDeadline = ({ claim_until, is_draw, prize_state }) => Boolean(claim_until) && !is_draw && ![...OUT, "held"].includes(prize_state);

/** Whether a winner may still claim, so that the page says until when. */
export const isClaimable = (task) => hasDeadline(task) && secondsUntil(task.claim_until) > 0;

/** Whether the time to claim a prize is over; the server takes it back soon, and tells nobody then. */
export const isOverdue = (task) => hasDeadline(task) && !secondsUntil(task.claim_until);

/**
 * Where a winner's claim is: "waits", and `waitWords` say why; "packet" or "paid"; "onSite" or "gone"; "address", or
 * "mailed" where `/drawPrize` tells address and parcel.
 */
export function claimStep(task) {
  if (task.prize_state === "held" || OUT.includes(task.prize_state) || isOverdue(task)) return "waits";
  if (task.goods_type === 1) return task.is_draw ? "paid" : "packet";
  if (task.draw_type === 1) return task.is_draw ? "gone" : "onSite";
  return task.is_draw ? "mailed" : "address";
}

/** What a publisher may do about a winner's parcel: "name" it, "correct" it within a day, or "" nothing. */
export function shippingStep({ goods_type, draw_type, state, sent_at, address_deleted }) {
  if (!isMailed({ goods_type, draw_type }) || address_deleted) return "";
  if (state === "given") return "name";
  return state === "sent" && secondsUntil(sent_at + DAY_MS) ? "correct" : "";
}

/** Whether its publisher is offered tables of a treasure's winners: fewer are quicker by hand. */
export const wantsTables = ({ prize_num }) => prize_num >= 5;

/** Whether a publisher may end a treasure: while nobody has dug it. */
export const mayEnd = ({ mine, status, now_depth }) => Boolean(mine) && !status && now_depth === 0;

/** Whether a publisher may change its texts and its picture: while nobody has dug it. */
export const mayEdit = ({ mine, status, now_depth, review }) => Boolean(mine) && !status && now_depth === 0 && review !== "hidden";

/**
 * What its publisher's main button is for: "share", and after its end "winners" where goods are handed over, "story" where
 * winners get red packets or nobody won, or "again" where nobody dug.
 */
export function mainAct({ status, now_depth, prize_num, prizes_left, goods_type, ranks = [] }) {
  if (!status) return "share";
  if (!now_depth) return "again";
  return hasGoods({ goods_type, ranks }) && prizes_left < prize_num ? "winners" : "story";
}

/** Whether some of a treasure's prizes are goods. */
export const hasGoods = ({ goods_type, ranks = [] }) => (ranks.length ? ranks : [{ goods_type }]).some((rank) => rank.goods_type === 2);

/** Whether others could open a link to a treasure, and dig it, perhaps later. */
export const mayShare = ({ review, gone, need_pay, why }) => review === "shown" && !gone && !need_pay && why !== "not_paid";

/** Whether one may cheer: not where it ended before anybody dug. */
export const mayCheer = (task) => mayShare(task) && !(task.status && !task.now_depth);

/** Whether a treasure ends before its cooldown, so that nobody can dig it any more. */
export const endsFirst = ({ cd_until, expires_at }) => Boolean(expires_at) && expires_at <= cd_until;

/** Which message may be offered about a treasure, by its name in OFFERS; "" if none. */
export function offerOf(task) {
  if (task.is_prize) return task.is_draw || OUT.includes(task.prize_state) || isOverdue(task) ? "" : "won";
  if (task.status || task.need_pay) return "";
  if (task.mine) return "published";
  if (secondsUntil(task.cd_until) <= LONG_SECONDS || endsFirst(task)) return "";
  return task.starts_at && !task.now_depth && secondsUntil(task.starts_at) ? "opening" : "cooldown";
}
